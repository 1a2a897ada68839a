import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type InputOptions, type Inputs, isPicture, parseLabels, readInputs, type Source } from '@mixbit/inputs'
import { type Graph, MixbitError } from '../mixbit.ts'
import { listImages, readPixels } from './images.ts'

/** How data is read from a disk. */
export interface LoadOptions extends InputOptions {
  /** A path, or `random`. */
  readonly source: string
}

/**
 * Reads calibration or test inputs for a model: a folder of pictures, `.npy`, `.npz`, `.json`, a raw binary file, or `random`.
 * @returns one feed map per sample, in a fixed order, with the names by which labels find them.
 * @throws MixbitError `DATA_NOT_FOUND`, `DATA_EMPTY`, `DATA_FORMAT`, `DATA_MISMATCH`, `DATA_NOT_FINITE`, `OPTION_INVALID`.
 */
export const loadInputs = async (graph: Graph, options: LoadOptions): Promise<Inputs> =>
  readInputs(graph, await openSource(options.source), options)

async function openSource(source: string): Promise<Source> {
  if (source === 'random') return source
  const info = await stat(source).catch((cause) => {
    throw new MixbitError('DATA_NOT_FOUND', `${source} cannot be read: ${cause.message}.`, {
      hint: 'Name a folder of pictures, a .npy, .npz, .json or raw file, or random.',
      context: { source },
      cause,
    })
  })
  if (info.isDirectory()) return pictures(source, await listImages(source))
  return isPicture(source)
    ? pictures(dirname(source), [basename(source)])
    : { file: source, bytes: await readFile(source) }
}

const pictures = (folder: string, names: readonly string[]): Source => ({
  pictures: names,
  decode: (name, plan) => readPixels(join(folder, name), plan),
})

/**
 * The class index of each named sample, from a file as `parseLabels` of @mixbit/inputs reads it.
 * @throws MixbitError `DATA_NOT_FOUND`, `DATA_FORMAT`, or `DATA_MISMATCH` when a sample has no label.
 */
export async function loadLabels(path: string, names: readonly string[]): Promise<number[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new MixbitError('DATA_NOT_FOUND', `The labels ${path} cannot be read: ${cause.message}.`, {
      hint: 'Check --labels.',
      cause,
    })
  })
  return parseLabels(text, names, path)
}
