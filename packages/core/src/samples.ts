import { type Graph, MixbitError, sizeOf, type Tensor, type Tensors, type Value } from '@mixbit/graph'

/**
 * Checks the representative dataset against the inputs of the graph, all samples and all faults at once.
 * @throws MixbitError `DATA_MISSING` for none at all, `DATA_MISMATCH` for names, dtypes and shapes, `DATA_NOT_FINITE`.
 */
export function checkSamples(graph: Graph, samples: readonly Tensors[] | undefined): readonly Tensors[] {
  if (!samples || samples.length === 0)
    throw new MixbitError('DATA_MISSING', 'The representative dataset is empty.', {
      hint: `Give some unlabelled inputs (32 to 500): ${graph.inputs.map((id) => signature(graph.values.get(id)!)).join(', ')}.`,
    })
  const faults = samples.flatMap((sample, index) =>
    graph.inputs.flatMap((id) => faultOf(graph.values.get(id)!, sample.get(id), index)),
  )
  if (faults.length > 0)
    throw new MixbitError(
      'DATA_MISMATCH',
      `The representative dataset does not fit the model: ${faults.slice(0, 5).join('; ')}${faults.length > 5 ? `; and ${faults.length - 5} more` : ''}.`,
      {
        hint: `The model takes ${graph.inputs.map((id) => signature(graph.values.get(id)!)).join(', ')}.`,
        context: { faults },
      },
    )
  for (const [index, sample] of samples.entries())
    for (const [id, { dtype, data }] of sample)
      if ((dtype === 'f32' || dtype === 'f64') && !allFinite(data as Float32Array))
        throw new MixbitError(
          'DATA_NOT_FINITE',
          `Sample ${index} of the representative dataset has NaN or infinite values in ${id}.`,
          {
            hint: 'Remove the sample, or check the preprocessing.',
            context: { index, input: id },
          },
        )
  return samples
}

const signature = ({ id, dtype, shape }: Value): string => `${id}: ${dtype}[${shape?.join(',') ?? '?'}]`

function faultOf(value: Value, tensor: Tensor | undefined, index: number): string[] {
  if (!tensor) return [`sample ${index} has no input ${value.id}`]
  const given = `${tensor.dtype}[${tensor.shape}]`
  if (tensor.dtype !== value.dtype) return [`sample ${index} gives ${value.id} as ${given}`]
  if (tensor.data.length !== sizeOf(tensor.shape))
    return [`sample ${index} gives ${value.id} as ${given} with ${tensor.data.length} elements`]
  const fits =
    !value.shape ||
    (value.shape.length === tensor.shape.length &&
      value.shape.every((dim, i) => typeof dim === 'string' || dim === tensor.shape[i]))
  return fits ? [] : [`sample ${index} gives ${value.id} as ${given}`]
}

/** Whether no element is NaN or infinite. */
export function allFinite(data: Float32Array | Float64Array): boolean {
  // NaN and infinities times 0 are NaN, and stay in the sum: no branch for every element.
  let zero = 0
  for (let i = 0; i < data.length; i++) zero += data[i]! * 0
  return zero === 0
}
