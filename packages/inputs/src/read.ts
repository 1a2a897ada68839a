import { type Graph, MixbitError, type Tensor } from '@mixbit/graph'
import { parseJson } from './json.ts'
import { match } from './match.ts'
import { parseNpy } from './npy.ts'
import { parseNpz } from './npz.ts'
import { spread } from './pictures.ts'
import { type PixelPlan, pixelsToTensor, planPixels } from './pixels.ts'
import { randomSamples } from './random.ts'
import { parseRaw } from './raw.ts'
import { constantInput } from './set.ts'
import { type Found, type InputOptions, type InputSpec, type Inputs, inputSpecs, type Read } from './types.ts'

/** Where samples come from: drawn at random, a file by name and bytes, or pictures by name and what decodes them. */
export type Source =
  | 'random'
  | { readonly file: string; readonly bytes: Uint8Array }
  | { readonly pictures: readonly string[]; readonly decode: Decode }

/**
 * The pixels of one picture, as the plan wants them: upright, without alpha, resized and cropped (see `placement`); `height` x
 * `width` x `depth` numbers 0..255, RGB or gray.
 */
export type Decode = (name: string, plan: PixelPlan) => Promise<ArrayLike<number>>

const defaultSamples = 64

/**
 * Inputs for a model from `.npy`, `.npz`, `.json` or raw binary bytes, from pictures, or random ones.
 * @returns one feed map per sample, in a fixed order, with the names by which labels find them.
 * @throws MixbitError `DATA_EMPTY`, `DATA_FORMAT`, `DATA_MISMATCH`, `DATA_NOT_FINITE`, `OPTION_INVALID`.
 */
export async function readInputs(graph: Graph, source: Source, options: InputOptions = {}): Promise<Inputs> {
  const specs = inputSpecs(graph)
  const constants = setInputs(specs, options)
  const open = specs.filter(({ name }) => !constants.has(name))
  const read = await readSource(graph, source, open, {
    ...options,
    inputShapes: namedShapes(open, options.inputShapes),
  })
  const { names, feeds } = match(read, open, options.samples)
  const warnings = source === 'random' ? ['random inputs: the file will work, but its accuracy needs real data.'] : []
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

/** The name `''` means the first input. */
function namedShapes(specs: readonly InputSpec[], shapes?: InputOptions['inputShapes']): InputOptions['inputShapes'] {
  return shapes && new Map([...shapes].map(([name, shape]) => [name || (specs[0]?.name ?? ''), shape]))
}

async function readSource(
  graph: Graph,
  source: Source,
  specs: readonly InputSpec[],
  options: InputOptions,
): Promise<Read> {
  if (source === 'random')
    return { samples: randomSamples(graph, specs, { ...options, samples: options.samples ?? defaultSamples }) }
  return 'pictures' in source
    ? { samples: await readPictures(source, specs, options) }
    : readArrays(source, specs, options)
}

/** One picture after the other, so that memory holds one decoded picture at a time. */
async function readPictures(
  { pictures, decode }: { readonly pictures: readonly string[]; readonly decode: Decode },
  specs: readonly InputSpec[],
  options: InputOptions,
): Promise<Found[]> {
  const plan = planFor(onlyInput(specs), options)
  const found: Found[] = []
  for (const name of spread(pictures, options.samples ?? defaultSamples))
    found.push({ name, tensors: new Map([[plan.input, pixelsToTensor(await decode(name, plan), plan)]]) })
  return found
}

const planFor = (spec: InputSpec, { image, inputShapes }: InputOptions): PixelPlan =>
  planPixels(spec, image, inputShapes?.get(spec.name))

function readArrays(
  { file, bytes }: { readonly file: string; readonly bytes: Uint8Array },
  specs: readonly InputSpec[],
  options: InputOptions,
): Read {
  const extension = /\.[^./\\]*$/.exec(file)?.[0].toLowerCase()
  if (extension === '.json') return { samples: parseJson(new TextDecoder().decode(bytes), file) }
  if (extension === '.npz') return { stacked: parseNpz(bytes, file) }
  const tensor = extension === '.npy' ? parseNpy(bytes, file) : parseRaw(bytes, options, file)
  return options.image?.preset !== undefined ? pixelArray(tensor, specs, options) : { stacked: new Map([['', tensor]]) }
}

/** With a preset, an array `[N, height, width, channels]` of bytes is a stack of pictures. */
function pixelArray(tensor: Tensor, specs: readonly InputSpec[], options: InputOptions): Read {
  const spec = onlyInput(specs)
  const [n = 0, ...size] =
    tensor.shape.length === 5 && tensor.shape[1] === 1 ? tensor.shape.toSpliced(1, 1) : tensor.shape
  const [height = 0, width = 0, depth = 1] = size
  const plan = planFor(spec, { ...options, image: { crop: [height, width], ...options.image } })
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
