import { MixbitError, sizeOf, type Tensor, type Tensors, toF32 } from '@mixbit/graph'
import { unzipSync, zipSync } from 'fflate'
import { type ArrayDType, bytesOf, isArrayDType, zeros } from './arrays.ts'
import { encodeNpy, parseNpy } from './npy.ts'

/**
 * The arrays of a `.npz` file by key; keys are the names of the model's inputs.
 * @throws MixbitError `DATA_FORMAT` when it is no zip file, holds no array, or an array cannot be read.
 */
export function parseNpz(bytes: Uint8Array, what: string): Map<string, Tensor> {
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes)
  } catch (cause) {
    throw bad(`${what} is not a .npz file: ${(cause as Error).message}.`, what, cause)
  }
  const entries = Object.entries(files).filter(([name]) => name.endsWith('.npy'))
  if (entries.length === 0) throw bad(`${what} holds no array.`, what)
  return new Map(
    entries.map(([name, data]) => [name.slice(0, -4), parseNpy(data, `${what}, array ${name.slice(0, -4)},`)]),
  )
}

function bad(message: string, what: string, cause?: unknown): MixbitError {
  const hint = 'Save the arrays with numpy.savez, one key for each input of the model.'
  return new MixbitError('DATA_FORMAT', message, { hint, context: { file: what }, cause })
}

/**
 * Samples as one `.npz`, uncompressed like numpy.savez: an array for each input, all samples along axis 0 (samples whose own
 * first extent is not 1 become rows of one more rank). `readInputs` makes the same samples of it again. The same samples
 * give the same bytes.
 * @throws MixbitError `DATA_EMPTY`; `DATA_MISMATCH` when samples differ in inputs, shape or element type, when an
 * element type is none of NumPy's, or when the file would have 4 GB.
 */
export function encodeNpz(samples: readonly Tensors[]): Uint8Array {
  const [first] = samples
  if (!first?.size)
    throw new MixbitError('DATA_EMPTY', 'There is not a single sample to write.', { hint: 'Give at least one.' })
  const columns = [...first.keys()].map((name) => columnOf(name, samples))
  const bytes = columns.reduce((sum, column) => sum + bytesOf(column.dtype) * sizeOf(column.shape), 0)
  if (bytes >= maxBytes) throw mismatch(`${samples.length} samples have ${bytes} bytes, too many for a .npz.`)
  const files = columns.map((column) => [`${column.name}.npy`, encodeNpy(stack(column))] as const)
  // Zip files hold local time: their first day, so that the bytes depend on nothing.
  return zipSync(Object.fromEntries(files), { level: 0, mtime: new Date(1980, 0, 1) })
}

/** Sizes in a plain zip file have 32 bits; some room for headers. */
const maxBytes = 2 ** 32 - 2 ** 20

/** One input of all samples, and the array that it becomes. */
interface Column {
  readonly name: string
  readonly tensors: readonly Tensor[]
  readonly dtype: ArrayDType
  readonly shape: readonly number[]
}

function columnOf(name: string, samples: readonly Tensors[]): Column {
  const first = samples[0]!.get(name)!
  const tensors = samples.map((sample, i) => {
    const tensor = sample.get(name)
    if (!tensor || sample.size !== samples[0]!.size)
      throw mismatch(`Sample ${i} has the inputs ${[...sample.keys()]}, but sample 0 has ${[...samples[0]!.keys()]}.`)
    if (tensor.dtype !== first.dtype || String(tensor.shape) !== String(first.shape))
      throw mismatch(
        `Input "${name}" is ${tensor.dtype} [${tensor.shape}] in sample ${i}, but ${first.dtype} [${first.shape}] in sample 0.`,
      )
    return tensor
  })
  // NumPy has no bf16, but every bf16 is a float32.
  const dtype = first.dtype === 'bf16' ? 'f32' : first.dtype
  if (!isArrayDType(dtype)) throw mismatch(`Input "${name}" is ${dtype}, which a .npz cannot hold.`)
  const rows = first.shape[0] === 1 ? first.shape.slice(1) : first.shape
  return { name, tensors, dtype, shape: [samples.length, ...rows] }
}

function stack({ tensors, dtype, shape }: Column): Tensor {
  const data = zeros(dtype, sizeOf(shape)) as Float32Array
  const size = sizeOf(tensors[0]!.shape)
  for (const [i, tensor] of tensors.entries())
    data.set((tensor.dtype === 'bf16' ? toF32(tensor) : tensor.data) as Float32Array, i * size)
  return { dtype, shape, data }
}

const mismatch = (message: string): MixbitError =>
  new MixbitError('DATA_MISMATCH', message, { hint: 'Write samples of one shape, fewer of them, or use JSON.' })
