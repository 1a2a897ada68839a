import { type DType, MixbitError, sizeOf, type Tensor, type Tensors } from '@mixbit/graph'
import { cast, firstNotFinite, view } from './arrays.ts'
import { fits } from './shapes.ts'
import type { Found, InputSpec, Read } from './types.ts'

/**
 * Makes feed maps of what a reader found: splits stacked arrays into samples, adds the batch dimension, converts
 * element types, and refuses what does not fit the model.
 * @throws MixbitError `DATA_MISMATCH` (both shapes or types named), `DATA_NOT_FINITE` (sample named), `DATA_EMPTY`.
 */
export function match(
  read: Read,
  specs: readonly InputSpec[],
  limit = Number.POSITIVE_INFINITY,
): { names: string[]; feeds: Tensors[] } {
  const found = ('samples' in read ? [...read.samples] : unstack(read.stacked, specs, limit)).slice(0, limit)
  if (found.length === 0)
    throw new MixbitError('DATA_EMPTY', 'There is not a single sample.', { hint: 'Give at least one.' })
  return { names: found.map(({ name }) => name), feeds: found.map((sample) => feed(sample, specs)) }
}

function feed(sample: Found, specs: readonly InputSpec[]): Tensors {
  const tensors = named(sample.tensors, specs)
  return new Map(specs.map((spec) => [spec.name, fit(tensors.get(spec.name)!, spec, sample.name)]))
}

function fit(tensor: Tensor, spec: InputSpec, sample: string): Tensor {
  const at = firstNotFinite(tensor)
  if (at >= 0)
    throw new MixbitError(
      'DATA_NOT_FINITE',
      `Sample ${sample} has ${String(tensor.data[at])} in input "${spec.name}", at element ${at}.`,
      {
        hint: 'Repair or leave out that sample.',
        context: { sample, input: spec.name, element: at },
      },
    )
  const declared = spec.shape
  const shape = !declared || fits(tensor.shape, declared) ? tensor.shape : [1, ...tensor.shape]
  if (declared && !fits(shape, declared)) throw shapeMismatch(tensor.shape, spec, sample)
  return cast({ ...tensor, shape }, spec.dtype, `Input "${spec.name}" of sample ${sample}`)
}

/** `''` stands for the only input; a single array fits a single input whatever its name. */
function named(tensors: ReadonlyMap<string, Tensor>, specs: readonly InputSpec[]): ReadonlyMap<string, Tensor> {
  const [only] = specs
  if (tensors.size === 1 && specs.length === 1) return new Map([[only!.name, [...tensors.values()][0]!]])
  const missing = specs.filter(({ name }) => !tensors.has(name)).map(({ name }) => name)
  const unknown = [...tensors.keys()].filter((key) => !specs.some(({ name }) => name === key))
  if (missing.length + unknown.length === 0) return tensors
  const has = unknown.length
    ? ` The data has ${unknown.map((key) => (key ? `"${key}"` : 'one array without a name')).join(', ')}, which the model does not.`
    : ''
  throw new MixbitError(
    'DATA_MISMATCH',
    `The data has no input ${missing.map((name) => `"${name}"`).join(', ') || 'too few'}.${has}`,
    {
      hint: 'Name the arrays like the inputs, or give constant inputs with --set name=zeros.',
      context: { missing, unknown },
    },
  )
}

function unstack(stacked: ReadonlyMap<string, Tensor>, specs: readonly InputSpec[], limit: number): Found[] {
  const columns = [...named(stacked, specs)].map(([name, tensor]) => {
    const spec = specs.find((each) => each.name === name)!
    return { name, parts: split(tensor, spec, limit) }
  })
  const count = columns[0]?.parts.length ?? 0
  const other = columns.find(({ parts }) => parts.length !== count)
  if (other)
    throw new MixbitError(
      'DATA_MISMATCH',
      `Input "${columns[0]!.name}" has ${count} samples, but "${other.name}" has ${other.parts.length}.`,
      {
        hint: 'Every input needs the same number of samples.',
      },
    )
  return Array.from({ length: count }, (_, i) => ({
    name: String(i),
    tensors: new Map(columns.map(({ name, parts }) => [name, parts[i]!])),
  }))
}

/**
 * Samples along axis 0. An array of the input's own rank is cut into batches of the model's size (1 when dynamic); one
 * more rank means that each row already is a whole input.
 */
function split(tensor: Tensor, spec: InputSpec, limit: number): Tensor[] {
  const [count = 1, ...rest] = tensor.shape
  const rank = spec.shape?.length ?? tensor.shape.length
  const first = spec.shape?.[0]
  const whole = tensor.shape.length > rank
  const batch = whole ? 1 : typeof first === 'number' ? first : 1
  const shape = whole ? rest : [batch, ...rest]
  if (count === 0)
    throw new MixbitError('DATA_EMPTY', `Input "${spec.name}" has no samples: its shape is [${tensor.shape}].`, {
      hint: 'Give at least one.',
    })
  if (count % batch !== 0 || (spec.shape && !fits(shape, spec.shape))) throw shapeMismatch(tensor.shape, spec)
  const size = sizeOf(shape)
  return Array.from({ length: Math.min(limit, count / batch) }, (_, i) => ({
    dtype: tensor.dtype,
    shape,
    data: view(tensor.data, i * size, size),
  }))
}

function shapeMismatch(shape: readonly number[], spec: InputSpec, sample?: string): MixbitError {
  const who = sample === undefined ? 'The data' : `Sample ${sample}`
  return new MixbitError(
    'DATA_MISMATCH',
    `${who} has shape [${shape}] for input "${spec.name}", but the model wants [${spec.shape}].`,
    {
      hint: 'Give samples along axis 0, each of the shape that the model wants.',
      context: { shape, expected: spec.shape, input: spec.name, dtype: spec.dtype satisfies DType },
    },
  )
}
