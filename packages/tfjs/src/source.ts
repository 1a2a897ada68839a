import { MixbitError } from '@mixbit/graph'
import { type ModelJson, parseModel, type ReadFile, weightsOf } from './loader/manifest.ts'
import type { RawWeight } from './manifest.ts'

/** A model as its files: `model.json` and the shards that it names. What `write` gives. */
export type TfjsFiles = ReadonlyMap<string, Uint8Array>

/** What TF.js has in memory: the fields of a model.json, and the weights. */
export interface TfjsArtifacts {
  readonly modelTopology: object
  readonly weightSpecs?: readonly object[]
  readonly weightData?: ArrayBuffer | readonly ArrayBuffer[]
}

/** A model as a path (of the folder or of model.json), as its files, as an IOHandler of TF.js, or as its artifacts. */
export type TfjsSource = string | URL | TfjsFiles | { load(): Promise<TfjsArtifacts> } | TfjsArtifacts

/** A model.json without its weights, and those with their bytes. */
export interface LoadedModel {
  readonly json: ModelJson
  readonly weights: readonly RawWeight[]
}

/** @throws MixbitError `TFJS_NOT_FOUND`, `TFJS_UNREADABLE` and those of the loader. */
export async function loadSource(source: TfjsSource): Promise<LoadedModel> {
  if (typeof source === 'string' || source instanceof URL) return loadFiles(await folderReader(source))
  if (source instanceof Map) return loadFiles(async (path) => fileOf(source, path))
  const given = source as Partial<TfjsArtifacts & { load(): Promise<TfjsArtifacts> }> | null
  if (typeof given?.load === 'function') return loadArtifacts(await given.load())
  if (given && typeof given.modelTopology === 'object') return loadArtifacts(given as TfjsArtifacts)
  throw new MixbitError(
    'TFJS_UNREADABLE',
    `A model is given as a path, a Map of files, an IOHandler or its artifacts, not as ${source === null ? 'null' : typeof source}.`,
    { hint: 'Pass the path of model.json, or new Map([["model.json", bytes], ...]).' },
  )
}

/** A file of a model in memory. */
export const fileOf = (files: TfjsFiles, path: string): Uint8Array => {
  const file = files.get(path)
  if (file) return file
  throw new MixbitError(
    'TFJS_NOT_FOUND',
    `There is no file ${path}; there are ${[...files.keys()].join(', ') || 'none'}.`,
    {
      hint: 'Give model.json and every shard that it names.',
    },
  )
}

/**
 * The files of a model on disk: `model.json` (whatever its name there) and its shards. What `open` takes.
 * @throws MixbitError those of the loader.
 */
export async function readFiles(path: string | URL): Promise<TfjsFiles> {
  const read = await folderReader(path)
  const model = await read('model.json')
  const paths = parseModel(model).weightsManifest.flatMap((group) => group.paths)
  const shards = await Promise.all(paths.map(async (name) => [name, await read(name)] as const))
  return new Map([['model.json', model], ...shards])
}

async function loadFiles(read: ReadFile): Promise<LoadedModel> {
  const json = parseModel(await read('model.json'))
  const weights: RawWeight[] = []
  for await (const weight of weightsOf(json, read)) weights.push(weight)
  return { json, weights }
}

/** In memory as on disk: one group of weights whose shards are the buffers. */
async function loadArtifacts({ weightSpecs = [], weightData = [], ...rest }: TfjsArtifacts): Promise<LoadedModel> {
  const streamed = (rest as { getWeightStream?: () => ReadableStream<ArrayBuffer> }).getWeightStream
  const buffers = streamed ? await collected(streamed()) : weightData instanceof ArrayBuffer ? [weightData] : weightData
  const paths = buffers.map((_, i) => `weights${i}`)
  const weightsManifest = [{ paths, weights: weightSpecs }]
  const json = new TextEncoder().encode(JSON.stringify({ ...rest, weightsManifest }))
  const files = new Map([
    ['model.json', json],
    ...buffers.map((buffer, i) => [paths[i]!, new Uint8Array(buffer)] as const),
  ])
  return loadFiles(async (path) => fileOf(files, path))
}

async function collected(stream: ReadableStream<ArrayBuffer>): Promise<ArrayBuffer[]> {
  const reader = stream.getReader()
  const buffers: ArrayBuffer[] = []
  for (let next = await reader.read(); !next.done; next = await reader.read()) buffers.push(next.value)
  return buffers
}

/** Files of the folder that a path names, or that the model.json there lies in. Links that lead out of it are not followed. */
async function folderReader(source: string | URL): Promise<ReadFile> {
  const { readFile, realpath, stat } = await import('node:fs/promises')
  const { basename, dirname, isAbsolute, join, relative } = await import('node:path')
  const notFound = (cause: unknown) => {
    throw new MixbitError('TFJS_NOT_FOUND', `There is no readable model at ${source}.`, {
      hint: 'Give the path of model.json, or of the folder that it is in.',
      cause,
    })
  }
  const path = await realpath(source).catch(notFound)
  const isFolder = (await stat(path)).isDirectory()
  const folder = isFolder ? path : dirname(path)
  const model = isFolder ? 'model.json' : basename(path)
  return async (name) => {
    const target = await realpath(join(folder, name === 'model.json' ? model : name)).catch((cause) =>
      name === 'model.json' ? notFound(cause) : Promise.reject(cause),
    )
    const inside = relative(folder, target)
    if (inside.startsWith('..') || isAbsolute(inside))
      throw new MixbitError('TFJS_PATH', `The file ${name} is a link that leaves the folder of the model.`, {
        hint: 'Keep shards beside model.json; do not open models from strangers that say otherwise.',
      })
    return readFile(target).catch(notFound)
  }
}
