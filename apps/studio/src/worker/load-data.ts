import { type Graph, MixbitError, type Tensor } from '@mixbit/graph'
import {
  encodeNpz,
  type InputOptions,
  type Inputs,
  inputSpecs,
  isPicture,
  match,
  parseLabels,
  parseNpy,
  parseNpz,
  readInputs,
} from '@mixbit/inputs'
import { type Desk, type LoadedData, need } from './desk.ts'
import { examplePictures } from './example.ts'
import { type Pictures, pictureFiles, pixelArrays } from './pictures.ts'
import { previewOf, rangeOf } from './preview.ts'
import type { DataRequest, DataSummary, NamedFile, Role } from './protocol.ts'

const previews = 8

/** Reads samples for calibration or for the test; the sweep before is out of date when those of calibration change. */
export async function loadData(desk: Desk, request: DataRequest): Promise<DataSummary> {
  const { role, source, image, samples } = request
  const { graph } = need(desk.model, 'model')
  const read = 'example' in source ? await fromExample(role) : await fromFiles(source.files, desk.pictures[role])
  const { names, feeds, warnings } = await read.read(graph, { image, samples })
  const labels = request.labels
    ? parseLabels(await request.labels.text(), names, request.labels.name)
    : read.labels(names)
  const data: LoadedData = { names, feeds, labels }
  desk.data[role] = data
  desk.pictures[role] = read.pictures
  if (role === 'calibration') desk.measured = null
  else desk.floatAccuracy = null
  const first = feeds.map((feed) => feed.get(graph.inputs[0]!)!)
  return {
    role,
    kind: read.kind,
    example: 'example' in source,
    samples: feeds.length,
    labelled: labels !== null,
    range: rangeOf(first.map(({ data }) => data as ArrayLike<number>)),
    previews: first.slice(0, previews).flatMap((tensor, i) => previewOf(names[i]!, tensor) ?? []),
    warnings,
  }
}

/** What can be read, and again after a change of options. */
interface Found {
  /** Pictures are preprocessed; arrays are fed as they are. */
  readonly kind: DataSummary['kind']
  readonly pictures: Pictures | null
  read(graph: Graph, options: InputOptions): Promise<Inputs> | Inputs
  /** The labels that came with the samples. */
  labels(names: readonly string[]): readonly number[] | null
}

async function fromExample(role: Role): Promise<Found> {
  const { size, pictures, labels } = await examplePictures(role)
  return {
    ...ofPictures(pixelArrays(size, pictures)),
    labels: (names) => labels && names.map((name) => labels[Number(name)]!),
  }
}

const ofPictures = (pictures: Pictures): Found => ({
  kind: 'pictures',
  pictures,
  read: (graph, options) => readInputs(graph, { pictures: pictures.names, decode: pictures.decode }, options),
  labels: () => null,
})

async function fromFiles(files: readonly NamedFile[], known: Pictures | null): Promise<Found> {
  const pictures = files.filter(({ name }) => isPicture(name))
  if (pictures.length > 0) {
    const fresh = pictureFiles(pictures)
    return ofPictures(known?.key === fresh.key ? known : fresh)
  }
  const [first] = files
  if (files.length === 1 && first && /\.(npz|npy|json)$/i.test(first.name)) return fromArrays(first)
  const names = files.slice(0, 4).map(({ name }) => name)
  throw new MixbitError(
    'DATA_FORMAT',
    `Among the files (${names.join(', ') || 'none'}) are no pictures and not one array file.`,
    {
      hint: 'Drop pictures, or one .npz, .npy or .json file with the inputs of the model.',
    },
  )
}

/** An array `labels` beside the inputs of a .npz says the classes. */
async function fromArrays({ name, file }: NamedFile): Promise<Found> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const arrays = /\.npz$/i.test(name) ? parseNpz(bytes, name) : new Map<string, Tensor>()
  const labels = arrays.get('labels')
  arrays.delete('labels')
  const pixels = arePixels(name, bytes)
  return {
    kind: pixels ? 'pictures' : 'arrays',
    pictures: null,
    read: (graph, options) =>
      labels && !graph.inputs.includes('labels')
        ? { ...match({ stacked: arrays }, inputSpecs(graph), options.samples), warnings: [] }
        : readInputs(graph, { file: name, bytes }, pixels ? options : { ...options, image: {} }),
    labels: (names) => (labels?.data ? names.map((_, i) => Number(labels.data[i])) : null),
  }
}

/** Bytes of a .npy are pictures to preprocess; other numbers are inputs as they are. */
const arePixels = (name: string, bytes: Uint8Array): boolean =>
  /\.npy$/i.test(name) && parseNpy(bytes, name).dtype === 'u8'

/** The samples as the network gets them, so that Node can be fed the same numbers: decoders differ, arrays do not. */
export function exportData(desk: Desk, role: Role): Uint8Array<ArrayBuffer> {
  return encodeNpz(need(desk.data[role], 'data').feeds) as Uint8Array<ArrayBuffer>
}
