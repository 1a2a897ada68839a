import { MixbitError, type Tensor } from '../mixbit.ts'
import { parseNpy } from './npy.ts'

/**
 * The arrays of a `.npz` file by key; keys are the names of the model's inputs.
 * @throws MixbitError `DATA_FORMAT` when it is no zip file, holds no array, or an array cannot be read.
 */
export async function parseNpz(bytes: Uint8Array, what: string): Promise<Map<string, Tensor>> {
  const { unzipSync } = await import('fflate')
  let files: Record<string, Uint8Array>
  try {
    files = unzipSync(bytes)
  } catch (cause) {
    throw new MixbitError('DATA_FORMAT', `${what} is not a .npz file: ${(cause as Error).message}.`, {
      hint: 'Save the arrays with numpy.savez, one key for each input of the model.',
      context: { file: what },
      cause,
    })
  }
  const entries = Object.entries(files).filter(([name]) => name.endsWith('.npy'))
  if (entries.length === 0)
    throw new MixbitError('DATA_FORMAT', `${what} holds no array.`, {
      hint: 'Save the arrays with numpy.savez, one key for each input of the model.',
      context: { file: what },
    })
  return new Map(
    entries.map(([name, data]) => [name.slice(0, -4), parseNpy(data, `${what}, array ${name.slice(0, -4)},`)]),
  )
}
