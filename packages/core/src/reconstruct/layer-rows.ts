import { type Graph, type Node, sizeOf, type Tensor, type Window } from '@mixbit/graph'

/** A layer as a matrix product: every position of its output is `rows of weights` times `inputs there`, plus a bias. */
export interface LayerRows {
  /** Groups that share no inputs; each has its own matrix. */
  readonly groups: number
  /** Outputs and inputs of one group. */
  readonly outputs: number
  readonly inputs: number
  /** Index in the weight tensor of input `column` of output `row` of a group. */
  weightIndex(group: number, row: number, column: number): number
  /** Where the output of a sample is looked at: their number. */
  positions(output: Tensor): number
  /** The inputs of one group at one position go to `to[at ...]`. */
  gather(
    x: Float32Array,
    shape: readonly number[],
    output: Tensor,
    group: number,
    position: number,
    to: Float32Array,
    at: number,
  ): void
  /** The output of the group's `row` at a position. */
  outputIndex(output: Tensor, group: number, row: number, position: number): number
}

/** The matrix form of a layer with its weight as second input; null where it has none that is known. */
export function layerRows(graph: Graph, node: Node): LayerRows | null {
  const weight =
    node.weights.length === 1 && node.weights[0]!.input === 1 ? graph.values.get(node.inputs[1]!)?.tensor : null
  if (!weight) return null
  const { axis } = node.weights[0]!
  if (node.kind === 'dense') return plain(node) ? denseRows(weight.shape, axis) : null
  return node.window ? convRows(node.kind, node.window, weight.shape, axis) : null
}

/** Gemm with factors or a transposed input is no plain product. */
const plain = ({ attrs }: Node): boolean =>
  attrs.transA !== 1 && ['alpha', 'beta'].every((name) => ((attrs[name] as { float?: number })?.float ?? 1) === 1)

function denseRows(shape: readonly number[], axis: number): LayerRows | null {
  if (shape.length !== 2) return null
  const [outputs, inputs] = axis === 0 ? [shape[0]!, shape[1]!] : [shape[1]!, shape[0]!]
  return {
    groups: 1,
    outputs,
    inputs,
    weightIndex: (_, row, column) => (axis === 0 ? row * inputs + column : column * outputs + row),
    positions: (output) => sizeOf(output.shape) / outputs,
    gather: (x, _shape, _output, _group, position, to, at) =>
      to.set(x.subarray(position * inputs, (position + 1) * inputs), at),
    outputIndex: (_, _group, row, position) => position * outputs + row,
  }
}

/** Spatial extents as [height, width], one axis as a height of 1. */
const twoAxes = (list: readonly number[], missing: number): [number, number] | null =>
  list.length === 1 ? [missing, list[0]!] : list.length === 2 ? [list[0]!, list[1]!] : null

function convRows(kind: Node['kind'], window: Window, shape: readonly number[], axis: number): LayerRows | null {
  const { groups, channelsLast } = window
  const transposed = kind === 'convTranspose'
  const spatialRank = shape.length - 2
  const kernel = twoAxes(channelsLast ? shape.slice(0, spatialRank) : shape.slice(2), 1)
  const strides = twoAxes(window.strides, 1)
  const dilations = twoAxes(window.dilations, 1)
  const known = ['conv', 'depthwiseConv'].includes(kind) || (transposed && groups === 1 && !channelsLast)
  if (!known || !kernel || !strides || !dilations || (transposed && typeof window.pads === 'string')) return null
  const [kh, kw] = kernel
  const taps = kh * kw
  // Layouts: [out, in, taps], transposed [in, out, taps], channels last [taps, in, out], depthwise [taps, channels, multiplier].
  const depthwiseLast = channelsLast && kind === 'depthwiseConv'
  const [a, b] = channelsLast ? [shape[spatialRank]!, shape[spatialRank + 1]!] : [shape[0]!, shape[1]!]
  const perGroup = depthwiseLast
    ? { outputs: b, inputs: 1 }
    : transposed
      ? { outputs: b, inputs: a }
      : channelsLast
        ? { outputs: b / groups, inputs: a }
        : { outputs: a / groups, inputs: b }
  const count = depthwiseLast ? a : groups
  const { outputs, inputs: channels } = perGroup
  if (!Number.isInteger(outputs) || (axis !== 0 && !transposed && !channelsLast)) return null
  const index = (group: number, row: number, column: number): number => {
    const [channel, tap] = [Math.floor(column / taps), column % taps]
    if (depthwiseLast) return (tap * a + group) * b + row
    if (transposed) return (channel * outputs + row) * taps + tap
    if (channelsLast) return (tap * channels + channel) * b + group * outputs + row
    return ((group * outputs + row) * channels + channel) * taps + tap
  }
  const spatialOf = (dims: readonly number[]) => twoAxes(channelsLast ? dims.slice(1, -1) : dims.slice(2), 1) ?? [1, 1]
  const before = (size: readonly number[], out: readonly number[]): [number, number] => {
    const { pads } = window
    if (typeof pads !== 'string') return [spatialRank === 2 ? pads[0]! : 0, pads[spatialRank - 1]!]
    return [0, 1].map((i) => {
      const total = Math.max(0, (out[i]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1 - size[i]!)
      return pads === 'sameUpper' ? Math.floor(total / 2) : Math.ceil(total / 2)
    }) as [number, number]
  }
  return {
    groups: count,
    outputs,
    inputs: channels * taps,
    weightIndex: index,
    positions: ({ shape: dims }) => {
      const [oh, ow] = spatialOf(dims)
      return dims[0]! * oh! * ow!
    },
    gather(x, dims, output, group, position, to, at) {
      const [height, width] = spatialOf(dims) as [number, number]
      const [oh, ow] = spatialOf(output.shape) as [number, number]
      const [top, left] = before([height, width], [oh, ow])
      const all = dims[channelsLast ? dims.length - 1 : 1]!
      const sample = Math.floor(position / (oh * ow))
      const oy = Math.floor((position % (oh * ow)) / ow)
      const ox = position % ow
      const first = group * channels
      let i = at
      for (let c = first; c < first + channels; c++)
        for (let ky = 0; ky < kh; ky++) {
          const y = place(oy, ky * dilations[0], strides[0], top, height, transposed)
          for (let kx = 0; kx < kw; kx++) {
            const column = y < 0 ? -1 : place(ox, kx * dilations[1], strides[1], left, width, transposed)
            to[i++] =
              column < 0
                ? 0
                : channelsLast
                  ? x[((sample * height + y) * width + column) * all + c]!
                  : x[((sample * all + c) * height + y) * width + column]!
          }
        }
    },
    outputIndex({ shape: dims }, group, row, position) {
      const [oh, ow] = spatialOf(dims) as [number, number]
      const channel = group * outputs + row
      if (channelsLast) return position * (count * outputs) + channel
      const sample = Math.floor(position / (oh * ow))
      return (sample * count * outputs + channel) * oh * ow + (position % (oh * ow))
    },
  }
}

/** The place in the input that a tap of the kernel sees, -1 outside. */
function place(out: number, tap: number, stride: number, pad: number, size: number, transposed: boolean): number {
  const at = transposed ? (out + pad - tap) / stride : out * stride + tap - pad
  return at >= 0 && at < size && Number.isInteger(at) ? at : -1
}
