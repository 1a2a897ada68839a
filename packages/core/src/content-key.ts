import type { Tensors } from '@mixbit/graph'
import { onlyForOf } from './config.ts'
import type { Job } from './job.ts'
import type { Measurand } from './measure.ts'

/** SHA-256 of everything that the sweep depends on: weights, structure, data and config. */
export async function contentKey(
  { prepared, config }: Job,
  { layers, activations }: Measurand,
  samples: readonly Tensors[],
): Promise<string> {
  const parts: Uint8Array[] = []
  const text = (value: unknown) => parts.push(new TextEncoder().encode(JSON.stringify(value)))
  const data = (values: unknown) => {
    if (ArrayBuffer.isView(values)) parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    else text(values)
  }
  for (const node of prepared.nodes) text([node.id, node.op, node.inputs, node.outputs])
  for (const [id, value] of prepared.values)
    if (value.tensor) {
      text([id, value.tensor.shape])
      data(value.tensor.data)
    }
  for (const sample of samples)
    for (const [id, tensor] of sample) {
      text([id, tensor.shape])
      data(tensor.data)
    }
  for (const layer of layers)
    for (const candidate of layer.candidates)
      for (const { value, grid, integers } of candidate.grids) {
        text([layer.node, value, grid.bits, grid.levels?.join()])
        data(grid.scale)
        data(grid.zeroPoint)
        data(integers ?? null)
      }
  for (const { value, candidates } of activations)
    for (const { grid } of candidates) {
      text([value, grid.bits, grid.signed])
      data(grid.scale)
      data(grid.zeroPoint)
    }
  const { numInterestPointsFactor, computeDistanceFn, customMetricFn, outputLossFn } = config.mixedPrecisionConfig
  text([numInterestPointsFactor, String(computeDistanceFn), String(customMetricFn), onlyForOf(config)])
  // Checkpoints of before there was one stay what they are.
  if (outputLossFn) text(String(outputLossFn))
  const digests = await Promise.all(
    parts.map((part) => crypto.subtle.digest('SHA-256', part as Uint8Array<ArrayBuffer>)),
  )
  const all = await crypto.subtle.digest('SHA-256', await new Blob(digests).arrayBuffer())
  return Array.from(new Uint8Array(all), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
