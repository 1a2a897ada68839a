import { MixbitError } from '@mixbit/graph'
import type { ModelProto } from './gen/onnx_pb.ts'
import { decodeModel, externalLocations } from './read.ts'

/** A model as a path, as bytes, or as bytes with its external data files by name. */
export type OnnxSource =
  | string
  | URL
  | Uint8Array
  | { readonly model: Uint8Array; readonly externalData: ReadonlyMap<string, Uint8Array> }

/** Bytes of the model and of the external files it names. @throws MixbitError `ONNX_NOT_FOUND`, `ONNX_EXTERNAL_PATH`, `ONNX_EXTERNAL_MISSING`. */
export async function loadSource(
  source: OnnxSource,
): Promise<{ model: ModelProto; files: ReadonlyMap<string, Uint8Array> }> {
  if (source instanceof Uint8Array) return { model: decodeModel(source), files: new Map() }
  if (typeof source === 'string' || source instanceof URL) return loadFile(source)
  if (!(source?.model instanceof Uint8Array))
    throw new MixbitError(
      'ONNX_UNREADABLE',
      `A model is given as a path, bytes, or { model, externalData }, not as ${source === null ? 'null' : typeof source}.`,
      { hint: 'Pass the path of an .onnx file or its bytes.' },
    )
  return { model: decodeModel(source.model), files: source.externalData }
}

async function loadFile(source: string | URL) {
  const { readFile, realpath } = await import('node:fs/promises')
  const { dirname, join, relative, isAbsolute } = await import('node:path')
  const path = await realpath(source).catch((cause) => {
    throw new MixbitError('ONNX_NOT_FOUND', `There is no readable model at ${source}.`, {
      hint: 'Check the path.',
      cause,
    })
  })
  const model = decodeModel(
    await readFile(path).catch((cause) => {
      throw new MixbitError('ONNX_NOT_FOUND', `The model at ${source} cannot be read.`, {
        hint: 'Check that it is a file that you may read.',
        cause,
      })
    }),
  )
  const folder = dirname(path)
  const outside = (target: string) => relative(folder, target).startsWith('..') || isAbsolute(relative(folder, target))
  const files = new Map<string, Uint8Array>()
  for (const location of externalLocations(model)) {
    const refuse = () => {
      throw new MixbitError(
        'ONNX_EXTERNAL_PATH',
        `The model names external data at ${JSON.stringify(location)}, which leaves its folder.`,
        {
          hint: 'Data files must lie beside the model or below it; do not open models from strangers that say otherwise.',
          context: { location },
        },
      )
    }
    if (location === '' || isAbsolute(location) || outside(join(folder, location))) refuse()
    const target = await realpath(join(folder, location)).catch((cause) => {
      throw new MixbitError('ONNX_EXTERNAL_MISSING', `External data ${location} is not there.`, {
        hint: 'Keep the data file beside the model.',
        cause,
        context: { location },
      })
    })
    if (outside(target)) refuse()
    files.set(location, await readFile(target))
  }
  return { model, files }
}
