import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { type Graph, MixbitError, type Tensor } from '../mixbit.ts'
import { isImagePath, listImages, readImages, spread } from './images.ts'
import { parseJson } from './json.ts'
import { match } from './match.ts'
import { parseNpy } from './npy.ts'
import { parseNpz } from './npz.ts'
import { pixelsToTensor, planPixels } from './pixels.ts'
import { randomSamples } from './random.ts'
import { parseRaw } from './raw.ts'
import { constantInput } from './set.ts'
import { type InputOptions, type InputSpec, type Inputs, inputSpecs, type Read } from './types.ts'

const defaultSamples = 64

/**
 * Reads calibration or test inputs for a model: a folder of pictures, `.npy`, `.npz`, `.json`, a raw binary file, or `random`.
 * @returns one feed map per sample, in a fixed order, with the names by which labels find them.
 * @throws MixbitError `DATA_NOT_FOUND`, `DATA_EMPTY`, `DATA_FORMAT`, `DATA_MISMATCH`, `DATA_NOT_FINITE`, `OPTION_INVALID`.
 */
export async function loadInputs(graph: Graph, options: InputOptions): Promise<Inputs> {
  const specs = inputSpecs(graph)
  const constants = setInputs(specs, options)
  const open = specs.filter(({ name }) => !constants.has(name))
  const read = await readSource(graph, open, options)
  const { names, feeds } = match(read, open, options.samples)
  const warnings =
    options.source === 'random' ? ['random inputs: the file will work, but its accuracy needs real data.'] : []
  return { names, feeds: feeds.map((feed) => new Map([...feed, ...constants])), warnings }
}

function setInputs(specs: readonly InputSpec[], { set, inputShapes }: InputOptions): Map<string, Tensor> {
  const constants = new Map<string, Tensor>()
  for (const [name, text] of set ?? []) {
    const spec = specs.find((each) => each.name === name)
    if (!spec)
      throw new MixbitError('OPTION_INVALID', `--set ${name}: the model has no such input.`, {
        hint: `Its inputs are ${specs.map((each) => each.name).join(', ')}.`,
      })
    constants.set(name, constantInput(spec, text, inputShapes))
  }
  return constants
}

async function readSource(graph: Graph, specs: readonly InputSpec[], options: InputOptions): Promise<Read> {
  const { source } = options
  const inputShapes = namedShapes(specs, options.inputShapes)
  if (source === 'random')
    return {
      samples: randomSamples(graph, specs, { ...options, inputShapes, samples: options.samples ?? defaultSamples }),
    }
  const info = await stat(source).catch((cause) => {
    throw new MixbitError('DATA_NOT_FOUND', `${source} cannot be read: ${cause.message}.`, {
      hint: 'Name a folder of pictures, a .npy, .npz, .json or raw file, or random.',
      context: { source },
      cause,
    })
  })
  if (info.isDirectory())
    return { samples: await pictures(source, await listImages(source), specs, { ...options, inputShapes }) }
  if (isImagePath(source))
    return { samples: await pictures(dirname(source), [basename(source)], specs, { ...options, inputShapes }) }
  return readArrays(source, specs, { ...options, inputShapes })
}

/** The name `''` means the first input. */
function namedShapes(specs: readonly InputSpec[], shapes?: InputOptions['inputShapes']): InputOptions['inputShapes'] {
  return shapes && new Map([...shapes].map(([name, shape]) => [name || (specs[0]?.name ?? ''), shape]))
}

function pictures(folder: string, names: readonly string[], specs: readonly InputSpec[], options: InputOptions) {
  const spec = onlyInput(specs)
  const plan = planPixels(spec, options.image, options.inputShapes?.get(spec.name))
  return readImages(folder, spread(names, options.samples ?? defaultSamples), plan)
}

async function readArrays(source: string, specs: readonly InputSpec[], options: InputOptions): Promise<Read> {
  const bytes = await readFile(source)
  const extension = extname(source).toLowerCase()
  if (extension === '.json') return { samples: parseJson(bytes.toString('utf8'), source) }
  if (extension === '.npz') return { stacked: await parseNpz(bytes, source) }
  const tensor = extension === '.npy' ? parseNpy(bytes, source) : parseRaw(bytes, options, source)
  return options.image?.preset !== undefined ? pixelArray(tensor, specs, options) : { stacked: new Map([['', tensor]]) }
}

/** With a preset, an array `[N, height, width, channels]` of bytes is a stack of pictures. */
function pixelArray(tensor: Tensor, specs: readonly InputSpec[], options: InputOptions): Read {
  const spec = onlyInput(specs)
  const [n = 0, ...size] =
    tensor.shape.length === 5 && tensor.shape[1] === 1 ? tensor.shape.toSpliced(1, 1) : tensor.shape
  const [height = 0, width = 0, depth = 1] = size
  const plan = planPixels(spec, { crop: [height, width], ...options.image }, options.inputShapes?.get(spec.name))
  if (tensor.dtype !== 'u8' || height !== plan.height || width !== plan.width || depth !== plan.depth)
    throw new MixbitError(
      'DATA_MISMATCH',
      `With --preset, an array must hold u8 pictures [N,${plan.height},${plan.width},${plan.depth}], but it is ${tensor.dtype} [${tensor.shape}].`,
      {
        hint: 'Leave --preset out when the array is preprocessed already.',
        context: { shape: tensor.shape, dtype: tensor.dtype },
      },
    )
  const area = height * width * depth
  const pixels = tensor.data as Uint8Array
  const count = Math.min(n, options.samples ?? n)
  return {
    samples: Array.from({ length: count }, (_, i) => ({
      name: String(i),
      tensors: new Map([[spec.name, pixelsToTensor(pixels.subarray(i * area, (i + 1) * area), plan)]]),
    })),
  }
}

function onlyInput(specs: readonly InputSpec[]): InputSpec {
  if (specs.length === 1) return specs[0]!
  throw new MixbitError(
    'DATA_MISMATCH',
    `Pictures fit a model with one open input, but there are ${specs.length}: ${specs.map(({ name }) => name).join(', ')}.`,
    {
      hint: 'Give the others with --set name=zeros, or use .npz with one key for each.',
    },
  )
}
