import { crc32 } from './checksum.ts'
import { problemError } from './problem.ts'
import { elements, type Packing, packedBytes } from './unpack.ts'

/** One weight of a manifest. */
export interface WeightSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly quantization?: Packing | { readonly dtype: string; readonly scale?: number; readonly min?: number }
}

/** As much of a model.json as is read here. */
export interface ModelJson {
  readonly modelTopology: object
  readonly weightsManifest: readonly { readonly paths: readonly string[]; readonly weights: readonly WeightSpec[] }[]
  readonly mixbit?: { readonly version: number; readonly checksums: Readonly<Record<string, number>> }
  readonly [more: string]: unknown
}

/** Gives a file of the model: `model.json`, then the shards by the paths that it names. */
export type ReadFile = (path: string) => Promise<Uint8Array>

/** The newest form of packed models that is known. */
export const version = 1

const again = 'The file is damaged or incomplete: write, copy or download the model again.'
const unreadable = (what: string) => problemError('TFJS_UNREADABLE', `The model cannot be read: ${what}.`, again)

/**
 * A model.json that is what it should be.
 * @throws MixbitError `TFJS_UNREADABLE`, `TFJS_VERSION`
 */
export function parseModel(bytes: Uint8Array): ModelJson {
  let json: ModelJson
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), (key, value) => {
      if (key === '__proto__') throw unreadable('model.json has a key __proto__')
      return value
    })
  } catch (error) {
    throw (error as Error).name === 'MixbitError'
      ? error
      : unreadable(`model.json is no JSON (${(error as Error).message})`)
  }
  if (!json || typeof json.modelTopology !== 'object' || !json.modelTopology)
    throw unreadable('it has no modelTopology')
  if (json.mixbit && json.mixbit.version !== version)
    throw problemError(
      'TFJS_VERSION',
      `The model has version ${json.mixbit.version} of packed weights; this loader knows version ${version}.`,
      'Take the loader of the release that wrote the model, or a newer one.',
    )
  const groups = json.weightsManifest ?? []
  if (!Array.isArray(groups)) throw unreadable('weightsManifest is no list')
  for (const { paths, weights } of groups) {
    if (!Array.isArray(paths) || !Array.isArray(weights))
      throw unreadable('a group of weightsManifest lacks paths or weights')
    for (const path of paths) checkPath(path)
    for (const spec of weights) checkSpec(spec)
  }
  return { ...json, weightsManifest: groups }
}

/** @throws MixbitError `TFJS_PATH` */
function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '' || /^[/\\]|:|(^|[/\\])\.\.([/\\]|$)/.test(path))
    throw problemError(
      'TFJS_PATH',
      `The manifest names a shard ${JSON.stringify(path)}, which is not beside the model or below it.`,
      'Keep shards beside model.json; do not open models from strangers that say otherwise.',
    )
}

const sizes: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  uint8: 1,
  uint16: 2,
  float16: 2,
}
const sizeOf = (dtype: string): number => (Object.hasOwn(sizes, dtype) ? sizes[dtype]! : 0)

const isPacked = (quantization: WeightSpec['quantization']): quantization is Packing => quantization?.dtype === 'mixbit'

/** The packing of a weight; undefined for those that TF.js decodes itself. */
export const packingOf = ({ quantization }: WeightSpec): Packing | undefined =>
  isPacked(quantization) ? quantization : undefined

/** Bytes of a weight in its shard; 0 for strings, whose bytes tell. */
const bytesOf = (spec: WeightSpec): number => {
  const packing = packingOf(spec)
  return packing
    ? packedBytes(packing, spec.shape)
    : elements(spec.shape) * sizeOf(spec.quantization ? spec.quantization.dtype : spec.dtype)
}

function checkSpec(spec: WeightSpec): void {
  const { name, shape, dtype, quantization } = spec ?? {}
  const fault = (what: string) => unreadable(`weight ${JSON.stringify(name)} ${what}`)
  const whole = (n: unknown, low: number, high: number) =>
    Number.isInteger(n) && (n as number) >= low && (n as number) <= high
  if (typeof name !== 'string' || /^(__proto__|constructor|prototype)$/.test(name)) throw fault('has no proper name')
  if (!Array.isArray(shape) || !shape.every((n) => whole(n, 0, 2 ** 31)) || elements(shape) > 2 ** 31)
    throw fault(`has the shape ${JSON.stringify(shape)}`)
  if (dtype !== 'string' && !sizeOf(dtype)) throw fault(`has the dtype ${JSON.stringify(dtype)}`)
  const packing = packingOf(spec)
  if (packing) {
    const { bits, axis, low, zero } = packing
    const fits = axis === null || whole(axis, 0, shape.length - 1)
    const levels = whole(low, -32768, 0) && (zero === null || whole(zero, -65536, 65536))
    if (!whole(bits, 1, 16) || !fits || !levels || dtype !== 'float32') throw fault('is packed in an unknown way')
  } else if (quantization && !sizeOf(quantization.dtype))
    throw fault(`is quantized as ${JSON.stringify(quantization.dtype)}`)
}

/**
 * The weights one after the other, each with its bytes. Shards are fetched at once and checked as they come.
 * @throws MixbitError `TFJS_SHARD_MISSING`, `TFJS_CHECKSUM`, `TFJS_UNREADABLE` for shards that are too short or too long.
 */
export async function* weightsOf(
  { weightsManifest, mixbit }: ModelJson,
  read: ReadFile,
): AsyncGenerator<{ spec: WeightSpec; bytes: Uint8Array }> {
  for (const { paths, weights } of weightsManifest) {
    const shards = paths.map((path) => shardAt(path, read, mixbit?.checksums?.[path]))
    // Who waits for the first shard shall not be told of an unhandled rejection of the second.
    for (const shard of shards) shard.catch(() => {})
    let rest = new Uint8Array(0)
    const take = async (count: number) => {
      while (rest.length < count) {
        const shard = await shards.shift()
        if (!shard) throw unreadable(`its shards end before the weights do (${paths.join(', ')})`)
        rest = rest.length === 0 ? shard : joined([rest, shard])
      }
      const taken = rest.subarray(0, count)
      rest = rest.subarray(count)
      return taken
    }
    for (const spec of weights)
      yield {
        spec,
        bytes: await (spec.quantization || spec.dtype !== 'string' ? take(bytesOf(spec)) : takeTexts(spec, take)),
      }
    for (const shard of shards) rest = joined([rest, await shard])
    if (rest.length > 0)
      throw unreadable(`its shards have ${rest.length} bytes more than the weights (${paths.join(', ')})`)
  }
}

/** Strings: each with its length before it, in 4 bytes. */
async function takeTexts({ shape }: WeightSpec, take: (count: number) => Promise<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let i = 0; i < elements(shape); i++) {
    const length = await take(4)
    parts.push(length, await take(new DataView(length.buffer, length.byteOffset).getUint32(0, true)))
  }
  return joined(parts)
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

async function shardAt(path: string, read: ReadFile, checksum: number | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await read(path).catch((cause: Error & { code?: string }) => {
    if (cause.code === 'TFJS_PATH') throw cause
    throw Object.assign(
      problemError('TFJS_SHARD_MISSING', `The shard ${path} cannot be read: ${cause.message}`, again),
      { cause },
    )
  })
  if (checksum !== undefined && crc32(bytes) !== checksum)
    throw problemError(
      'TFJS_CHECKSUM',
      `The shard ${path} (${bytes.length} bytes) does not have the checksum of model.json.`,
      again,
    )
  return bytes as Uint8Array<ArrayBuffer>
}
