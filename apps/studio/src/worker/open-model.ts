import { targetPlatforms } from '@mixbit/core'
import { type Graph, MixbitError, sizeOf, type Value } from '@mixbit/graph'
import { unzipSync } from 'fflate'
import type { Desk } from './desk.ts'
import { exampleModel } from './example.ts'
import type { Format, InputInfo, ModelSource, ModelSummary, NamedFile } from './protocol.ts'
import { adapterOf } from './runtimes.ts'

/** Reads a model; whatever belonged to the one before is put away. */
export async function openModel(desk: Desk, source: ModelSource, warn: (text: string) => void): Promise<ModelSummary> {
  const dropped = 'example' in source ? await exampleModel(source.example) : source.files
  const files = await unzipped(dropped)
  const { format, main } = mainFile(files)
  const adapter = adapterOf(format, warn)
  const opened = format === 'onnx' ? onnxSource(files, main) : tfjsSource(files, main)
  const graph = await adapter.read(opened)
  const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0)
  const summary = { ...summaryOf(graph, format), file: shortName(main, format), bytes, example: 'example' in source }
  Object.assign(desk, { model: { format, adapter, source: opened, graph, summary }, checkpoint: null, measured: null })
  Object.assign(desk.data, { calibration: null, test: null })
  Object.assign(desk.pictures, { calibration: null, test: null })
  desk.floatAccuracy = null
  return summary
}

type Files = ReadonlyMap<string, Uint8Array>

/** Every file by its path; a single zip stands for what is in it. */
async function unzipped(dropped: readonly NamedFile[]): Promise<Files> {
  const files = await Promise.all(
    dropped.map(async ({ name, file }) => [name, new Uint8Array(await file.arrayBuffer())] as const),
  )
  const [only] = files
  if (files.length !== 1 || !only![0].toLowerCase().endsWith('.zip')) return new Map(files)
  try {
    return new Map(Object.entries(unzipSync(only![1])).filter(([name]) => !name.endsWith('/')))
  } catch (cause) {
    throw new MixbitError('STUDIO_ZIP', `${only![0]} cannot be unpacked: ${(cause as Error).message}.`, {
      hint: 'Unpack it yourself and drop the folder.',
      cause,
    })
  }
}

/** The file that is the model: the .onnx, or the model.json of TF.js. */
function mainFile(files: Files): { format: Format; main: string } {
  const names = [...files.keys()]
  const ends = (ending: string) => names.filter((name) => name.toLowerCase().endsWith(ending))
  const onnxFiles = ends('.onnx')
  const jsons = ends('model.json').length > 0 ? ends('model.json') : ends('.json')
  const found = onnxFiles.length > 0 ? onnxFiles : jsons
  if (found.length === 1) return { format: onnxFiles.length > 0 ? 'onnx' : 'tfjs', main: found[0]! }
  const have = names.slice(0, 5).join(', ') + (names.length > 5 ? ' …' : '')
  throw new MixbitError(
    'STUDIO_NO_MODEL',
    found.length > 1
      ? `There is more than one model: ${found.slice(0, 5).join(', ')}.`
      : `There is no model among the files (${have || 'none'}).`,
    { hint: 'Drop one .onnx file (with its data files), or the folder of a TF.js model with its model.json.' },
  )
}

/** Files beside the model, by the path that the model names them by. */
function beside(files: Files, main: string): Map<string, Uint8Array> {
  const folder = main.slice(0, main.lastIndexOf('/') + 1)
  return new Map(
    [...files]
      .filter(([name]) => name !== main)
      .map(([name, bytes]) => [name.startsWith(folder) ? name.slice(folder.length) : name, bytes]),
  )
}

function onnxSource(files: Files, main: string): unknown {
  return { model: files.get(main)!, externalData: beside(files, main) }
}

const tfjsSource = (files: Files, main: string): unknown =>
  new Map([...beside(files, main), ['model.json', files.get(main)!]])

/** A TF.js model has the name of its folder, because its file is always model.json. */
function shortName(main: string, format: Format): string {
  const parts = main.split('/')
  return (format === 'tfjs' && parts.length > 1 ? parts.at(-2) : parts.at(-1))!
}

const floats: ReadonlySet<string> = new Set(['f32', 'f16', 'bf16', 'f64'])

function summaryOf(graph: Graph, format: Format): Omit<ModelSummary, 'file' | 'bytes' | 'example'> {
  const counts = new Map<string, number>()
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1)
  const infos = (ids: readonly string[]) => ids.map((id) => infoOf(id, graph.values.get(id)))
  return {
    format,
    name: graph.name,
    nodes: graph.nodes.length,
    parameters: [...graph.values.values()].reduce(
      (sum, { tensor }) => (tensor && floats.has(tensor.dtype) ? sum + sizeOf(tensor.shape) : sum),
      0,
    ),
    inputs: infos(graph.inputs),
    outputs: infos(graph.outputs),
    operators: [...counts].map(([op, count]) => ({ op, count })).sort((a, b) => b.count - a.count),
    platforms: Object.values(targetPlatforms).map(({ name, description, activations }) => ({
      name,
      description: description ?? '',
      quantizesActivations: activations !== undefined,
    })),
  }
}

function infoOf(name: string, value: Value | undefined): InputInfo {
  const shape = value?.shape ?? null
  const depth = (dim: unknown) => dim === 1 || dim === 3
  return {
    name,
    dtype: value?.dtype ?? 'f32',
    shape,
    picture: shape?.length === 4 && (depth(shape[1]) || depth(shape[3])) && value?.dtype === 'f32',
  }
}
