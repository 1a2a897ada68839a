import { MixbitError, type Tensor } from '@mixbit/graph'
import { presets } from './presets.ts'
import type { ImageFlags, InputSpec } from './types.ts'

/** How the pictures of one input are prepared. */
export interface PixelPlan {
  readonly input: string
  readonly height: number
  readonly width: number
  /** Channels of the model's input: 1 or 3. */
  readonly depth: 1 | 3
  readonly layout: 'nchw' | 'nhwc'
  /** Short side before the crop; undefined: the picture is scaled and cropped to cover the input exactly. */
  readonly resize: number | undefined
  readonly bgr: boolean
  readonly scale: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/**
 * Reads layout and size off the model's input and joins them with preset and flags (default preset: `unit`).
 * @throws MixbitError `DATA_MISMATCH` when the input is no picture or its size is nowhere given; `OPTION_INVALID` for an
 * unknown preset or a mean/std of the wrong length.
 */
export function planPixels(spec: InputSpec, flags: ImageFlags = {}, given?: readonly number[]): PixelPlan {
  const preset = presets[flags.preset ?? 'unit']
  if (!preset)
    throw new MixbitError('OPTION_INVALID', `There is no preset "${flags.preset}".`, {
      hint: `Choose one of ${Object.keys(presets).join(', ')}.`,
      context: { preset: flags.preset },
    })
  const shape = given ?? spec.shape ?? []
  const layout = flags.layout ?? (isDepth(shape[1]) || !isDepth(shape[3]) ? 'nchw' : 'nhwc')
  const [c, h, w] = layout === 'nchw' ? [shape[1], shape[2], shape[3]] : [shape[3], shape[1], shape[2]]
  if (shape.length !== 4 || (typeof c === 'number' && !isDepth(c)))
    throw new MixbitError(
      'DATA_MISMATCH',
      `Input "${spec.name}" has shape [${shape}], which is no picture with 1 or 3 channels.`,
      {
        hint: 'Give this model .npy, .npz, JSON or raw data, or name the layout with --layout.',
        context: { shape },
      },
    )
  const channels = flags.channels ?? preset.channels
  const depth = c === 1 || (c !== 3 && channels === 'gray') ? 1 : 3
  const [height, width] = cropSize(spec, flags, h, w, preset.resizeFor224 !== undefined)
  const plan = {
    input: spec.name,
    height,
    width,
    depth,
    layout,
    bgr: channels === 'bgr',
    resize: flags.resize ?? (preset.resizeFor224 && Math.round((Math.min(height, width) * preset.resizeFor224) / 224)),
    scale: flags.scale ?? preset.scale,
    mean: flags.mean ?? preset.mean,
    std: flags.std ?? preset.std,
  } as const
  checkLengths(plan)
  return plan.depth === 1 ? { ...plan, mean: toGray(plan.mean), std: toGray(plan.std) } : plan
}

const isDepth = (n: unknown) => n === 1 || n === 3

function cropSize(spec: InputSpec, flags: ImageFlags, h: unknown, w: unknown, is224: boolean): [number, number] {
  const crop = flags.crop ?? []
  const height = typeof h === 'number' ? h : (crop[0] ?? (is224 ? 224 : undefined))
  const width = typeof w === 'number' ? w : (crop[1] ?? crop[0] ?? (is224 ? 224 : undefined))
  if (height === undefined || width === undefined)
    throw new MixbitError(
      'DATA_MISMATCH',
      `Input "${spec.name}" has shape [${spec.shape}]: its picture size is not fixed.`,
      {
        hint: 'Add --crop 224 (or height,width), or --input-shape.',
        context: { shape: spec.shape },
      },
    )
  if (crop.length && (height !== crop[0] || width !== (crop[1] ?? crop[0])))
    throw new MixbitError(
      'DATA_MISMATCH',
      `--crop ${crop} does not fit input "${spec.name}" of shape [${spec.shape}].`,
      {
        hint: 'Leave --crop out: the size is taken from the model.',
        context: { crop, shape: spec.shape },
      },
    )
  return [height, width]
}

function checkLengths(plan: PixelPlan): void {
  for (const key of ['mean', 'std'] as const) {
    const { length } = plan[key]
    if (length !== 1 && length !== 3)
      throw new MixbitError('OPTION_INVALID', `--${key} has ${length} numbers.`, {
        hint: 'Give 1 number, or 3 for three channels.',
      })
  }
}

/** Presets speak of colour; a gray model takes their average. */
const toGray = (values: readonly number[]) => [values.reduce((sum, x) => sum + x, 0) / values.length]

/** Pixels (height x width x depth, RGB or gray) as the float32 tensor `[1, ...]` that the plan describes. */
export function pixelsToTensor(pixels: ArrayLike<number>, plan: PixelPlan): Tensor {
  const { height, width, depth, layout, bgr, scale, mean, std } = plan
  const area = height * width
  const data = new Float32Array(area * depth)
  for (let c = 0; c < depth; c++) {
    const from = bgr ? depth - 1 - c : c
    const m = mean[c] ?? mean[0]!
    const s = std[c] ?? std[0]!
    const [start, step] = layout === 'nchw' ? [c * area, 1] : [c, depth]
    for (let i = 0; i < area; i++) data[start + i * step] = (pixels[i * depth + from]! * scale - m) / s
  }
  return { dtype: 'f32', shape: layout === 'nchw' ? [1, depth, height, width] : [1, height, width, depth], data }
}

/** Pixels `red green blue alpha` (a canvas holds them so) as those of a picture of `depth` channels, on white. */
export function rgbaToPixels(rgba: ArrayLike<number>, depth: PixelPlan['depth']): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray((rgba.length / 4) * depth)
  for (let i = 0; i < rgba.length / 4; i++) {
    const onWhite = [0, 1, 2].map((c) => 255 + ((rgba[4 * i + c]! - 255) * rgba[4 * i + 3]!) / 255)
    // Gray is the luma of ITU-R BT.709, whose primaries sRGB has.
    if (depth === 1) pixels[i] = 0.2126 * onWhite[0]! + 0.7152 * onWhite[1]! + 0.0722 * onWhite[2]!
    else pixels.set(onWhite, 3 * i)
  }
  return pixels
}

/** What the network sees, as a canvas shows it: the way back from `pixelsToTensor`, for the first picture of the tensor. */
export function tensorToRgba(tensor: Tensor, plan: PixelPlan): Uint8ClampedArray<ArrayBuffer> {
  const { depth, layout, bgr, scale, mean, std } = plan
  const [height, width] = layout === 'nchw' ? tensor.shape.slice(2) : tensor.shape.slice(1)
  const area = height! * width!
  const rgba = new Uint8ClampedArray(area * 4).fill(255)
  for (let c = 0; c < 3; c++) {
    const from = depth === 1 ? 0 : bgr ? 2 - c : c
    const [m, s] = [mean[from] ?? mean[0]!, std[from] ?? std[0]!]
    const [start, step] = layout === 'nchw' ? [from * area, 1] : [from, depth]
    for (let i = 0; i < area; i++) rgba[4 * i + c] = ((tensor.data[start + i * step] as number) * s + m) / scale
  }
  return rgba
}
