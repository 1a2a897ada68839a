import { type ModelJson, packingOf, parseModel, type ReadFile, type WeightSpec, weightsOf } from './loader/manifest.ts'
import { problemError } from './loader/problem.ts'
import { unpack } from './loader/unpack.ts'

/** What `tf.loadGraphModel` and `tf.loadLayersModel` take. */
export interface MixbitHandler {
  /** Typed loosely, so that the loader needs nothing of TF.js, not even its types. */
  load(): Promise<never>
}

/**
 * An IOHandler for models with packed weights (and for all others): checks every shard and unpacks weight by weight.
 * `source` is the address of model.json, or a function that gives a file by its path. `init` goes to `fetch`.
 * `load` throws MixbitErrors `TFJS_NOT_FOUND`, `TFJS_UNREADABLE`, `TFJS_VERSION`, `TFJS_PATH`, `TFJS_SHARD_MISSING`,
 * `TFJS_CHECKSUM`.
 */
export function mixbitHandler(
  source: string | URL | ((path: string) => Promise<Uint8Array | ArrayBuffer>),
  init?: RequestInit,
): MixbitHandler {
  const read: ReadFile =
    typeof source === 'function'
      ? async (path) => {
          const file = await source(path)
          return file instanceof Uint8Array ? file : new Uint8Array(file)
        }
      : fetched(String(source), init)
  return { load: () => load(read) as Promise<never> }
}

function fetched(address: string, init: RequestInit | undefined): ReadFile {
  const base = new URL(address, (globalThis as { location?: { href: string } }).location?.href)
  return async (path) => {
    const response = await fetch(path === 'model.json' ? base : new URL(path, base), init)
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  }
}

async function load(read: ReadFile): Promise<object> {
  const bytes = await read('model.json').catch((cause: Error) => {
    const hint = 'Check the address of model.json.'
    throw Object.assign(problemError('TFJS_NOT_FOUND', `There is no readable model: ${cause.message}`, hint), { cause })
  })
  const model = parseModel(bytes)
  const { weightsManifest, mixbit: _, ...rest } = model
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights.map(plainSpec))
  if ('node' in model.modelTopology) return { ...rest, weightSpecs, getWeightStream: () => streamOf(model, read) }
  const weightData: ArrayBuffer[] = []
  for await (const weight of floats(model, read)) weightData.push(weight)
  return { ...rest, weightSpecs, weightData }
}

/** What TF.js shall decode: packed weights arrive as float32. */
function plainSpec(spec: WeightSpec): WeightSpec {
  const { quantization: _, ...plain } = spec
  return packingOf(spec) ? plain : spec
}

async function* floats(model: ModelJson, read: ReadFile): AsyncGenerator<ArrayBuffer> {
  for await (const { spec, bytes } of weightsOf(model, read)) {
    const packing = packingOf(spec)
    // A copy, because the bytes are a part of a shard (not slice(): a Buffer of Node would give a view).
    yield (packing ? unpack(packing, spec.shape, bytes) : new Uint8Array(bytes)).buffer as ArrayBuffer
  }
}

/** One weight at a time, when TF.js asks for it: no more than one lies unpacked beside its own copy. */
function streamOf(model: ModelJson, read: ReadFile): ReadableStream<ArrayBuffer> {
  const weights = floats(model, read)
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await weights.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    },
    { highWaterMark: 0 },
  )
}
