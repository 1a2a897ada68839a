import type { OpKind, Window } from '@mixbit/graph'
import type { LayerRows, Place } from './layer-rows.ts'

/** How the weights of a convolution lie: outputs, inputs (of one group) and the index of one weight. */
interface Layout extends Pick<LayerRows, 'groups' | 'outputs' | 'weightIndex'> {
  readonly channels: number
  readonly kernel: readonly [number, number]
}

type Pair = readonly [number, number]

/** Two spatial extents; a single one has a first one of `missing`. */
const pair = (list: readonly number[], missing: number): Pair | null =>
  list.length === 1 ? [missing, list[0]!] : list.length === 2 ? [list[0]!, list[1]!] : null

/**
 * The matrix form of a convolution with one or two spatial axes. Null for three of them, for transposed ones with groups or
 * automatic pads, and for layouts that are not known.
 */
export function convRows(kind: OpKind, window: Window, shape: readonly number[], axis: number): LayerRows | null {
  const layout = layoutOf(kind, window, shape, axis)
  const geometry = layout && geometryOf(kind, window, layout.kernel)
  if (!layout || !geometry) return null
  const { groups, outputs, channels, kernel, weightIndex } = layout
  const { channelsLast } = window
  const spatial = (dims: readonly number[]): Pair => pair(channelsLast ? dims.slice(1, -1) : dims.slice(2), 1)!
  let view: View | null = null
  const taps = new Int32Array(kernel[0] * kernel[1])
  const viewOf = (input: readonly number[], output: readonly number[]): View => {
    const [height, width] = spatial(input)
    const [outHeight, outWidth] = spatial(output)
    const all = channelsLast ? input[input.length - 1]! : input[1]!
    const [pixelStep, channelStep] = channelsLast ? [all, 1] : [1, height * width]
    const sizes = [height, width, outHeight, outWidth, pixelStep]
    const known = view?.sizes.every((n, i) => n === sizes[i]) ? view : null
    return {
      input,
      output,
      sizes,
      outArea: outHeight * outWidth,
      outWidth,
      sampleStep: all * height * width,
      channelStep,
      rows: known?.rows ?? tapOffsets((out) => geometry(0, out, height, outHeight), outHeight, width * pixelStep),
      columns: known?.columns ?? tapOffsets((out) => geometry(1, out, width, outWidth), outWidth, pixelStep),
    }
  }
  return {
    groups,
    outputs,
    inputs: channels * kernel[0] * kernel[1],
    weightIndex,
    positions: (output) => output[0]! * spatial(output)[0] * spatial(output)[1],
    gather(x, { input, output, position }: Place, to, at) {
      // Positions are asked for one by one, and mostly for the same shapes.
      if (view?.input !== input || view.output !== output) view = viewOf(input, output)
      const { outArea, outWidth, sampleStep, channelStep, rows, columns } = view
      const [high, wide] = kernel
      const place = position % outArea
      const top = Math.floor(place / outWidth) * high
      const left = (place % outWidth) * wide
      // What the taps see is the same place in every channel.
      for (let k = 0, tap = 0; k < high; k++)
        for (let l = 0; l < wide; l++) {
          const [row, column] = [rows[top + k]!, columns[left + l]!]
          taps[tap++] = row < 0 || column < 0 ? -1 : row + column
        }
      const start = ((position - place) / outArea) * sampleStep
      const count = taps.length
      for (let tap = 0; tap < count; tap++) {
        const offset = taps[tap]!
        const end = at + groups * channels * count
        if (offset < 0) for (let i = at + tap; i < end; i += count) to[i] = 0
        else for (let i = at + tap, from = start + offset; i < end; i += count, from += channelStep) to[i] = x[from]!
      }
    },
    outputIndex(output, group, row, position) {
      const channel = group * outputs + row
      if (channelsLast) return position * groups * outputs + channel
      let area = output[2]!
      for (let i = 3; i < output.length; i++) area *= output[i]!
      return (Math.floor(position / area) * groups * outputs + channel) * area + (position % area)
    },
  }
}

/** How an input of one shape is read for an output of one shape. */
interface View {
  readonly input: readonly number[]
  readonly output: readonly number[]
  /** Everything that `rows` and `columns` depend on. */
  readonly sizes: readonly number[]
  readonly outArea: number
  readonly outWidth: number
  readonly sampleStep: number
  readonly channelStep: number
  readonly rows: Int32Array
  readonly columns: Int32Array
}

/** For every place of the output along one axis, where its taps lie in the input; -1 is outside. */
function tapOffsets(taps: (out: number) => number[], size: number, step: number): Int32Array {
  const places = Array.from({ length: size }, (_, out) => taps(out))
  return Int32Array.from(places.flat(), (at) => (at < 0 ? -1 : at * step))
}

function layoutOf(
  kind: OpKind,
  { groups, channelsLast }: Window,
  shape: readonly number[],
  axis: number,
): Layout | null {
  const rank = shape.length - 2
  const kernel = pair(channelsLast ? shape.slice(0, rank) : shape.slice(2), 1)
  if (!kernel) return null
  const taps = kernel[0] * kernel[1]
  if (kind === 'convTranspose') {
    const [channels, outputs] = shape as [number, number]
    if (groups !== 1 || channelsLast || axis !== 1) return null
    const weightIndex: Layout['weightIndex'] = (_group, row, column) =>
      (Math.floor(column / taps) * outputs + row) * taps + (column % taps)
    return { groups, outputs, channels, kernel, weightIndex }
  }
  if (kind !== 'conv' && kind !== 'depthwiseConv') return null
  if (!channelsLast) {
    const [all, channels] = shape as [number, number]
    const outputs = all / groups
    if (axis !== 0) return null
    const weightIndex: Layout['weightIndex'] = (group, row, column) =>
      (group * outputs + row) * channels * taps + column
    return { groups, outputs, channels, kernel, weightIndex }
  }
  const [channels, all] = shape.slice(rank) as [number, number]
  if (kind === 'depthwiseConv') {
    // [taps, channels, multiplier]; with one output per channel its scales run along the channels.
    if (all !== 1 || axis !== rank) return null
    return {
      groups: channels,
      outputs: 1,
      channels: 1,
      kernel,
      weightIndex: (group, _row, tap) => tap * channels + group,
    }
  }
  const outputs = all / groups
  const weightIndex: Layout['weightIndex'] = (group, row, column) =>
    ((column % taps) * channels + Math.floor(column / taps)) * all + group * outputs + row
  return axis === rank + 1 ? { groups, outputs, channels, kernel, weightIndex } : null
}

/** Gives the places in the input that the taps see along one axis at one place of the output; -1 is outside. */
type Geometry = (axis: 0 | 1, out: number, size: number, outSize: number) => number[]

function geometryOf(kind: OpKind, window: Window, kernel: Pair): Geometry | null {
  const strides = pair(window.strides, 1)
  const dilations = pair(window.dilations, 1)
  const { pads } = window
  const transposed = kind === 'convTranspose'
  if (!strides || !dilations || (transposed && typeof pads === 'string')) return null
  const before = (axis: 0 | 1, size: number, outSize: number): number => {
    if (typeof pads !== 'string') return pads.length === 2 ? [0, pads[0]!][axis]! : pads[axis]!
    const total = Math.max(0, (outSize - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - size)
    return pads === 'sameUpper' ? Math.floor(total / 2) : Math.ceil(total / 2)
  }
  return (axis, out, size, outSize) => {
    const pad = before(axis, size, outSize)
    return Array.from({ length: kernel[axis] }, (_, tap) => {
      const at = transposed
        ? (out + pad - tap * dilations[axis]) / strides[axis]
        : out * strides[axis] + tap * dilations[axis] - pad
      return at >= 0 && at < size && Number.isInteger(at) ? at : -1
    })
  }
}
