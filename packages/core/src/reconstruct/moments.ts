import { type Tensor, toF32 } from '@mixbit/graph'
import { paddedWidth, pickReconstructKernel } from '@mixbit/quantizers'
import type { LayerRows } from './layer-rows.ts'

/** What a layer's inputs x and targets y say about one group: means of products over all rows that were looked at. */
export interface Moments {
  readonly rows: number
  /** E[x x^T], [inputs, width], padded. */
  readonly gram: Float32Array
  /** E[x y^T], [inputs padded, outputs padded]. */
  readonly cross: Float32Array
  readonly meanX: Float64Array
  readonly meanY: Float64Array
}

/** The input, the shape of the output, and the target of a layer for one sample. */
export interface Seen {
  readonly input: Tensor
  readonly target: Tensor
}

/** Rows for each input of a group, at least and per input: enough for a Gram matrix that generalises. */
const rowsFor = (inputs: number): number =>
  Math.max(Number(process.env.MINR ?? 2048), Number(process.env.RPI ?? 12) * inputs)

/**
 * Moments of every group, over rows spread evenly and pseudo-randomly over samples and positions (the same on every run).
 */
export function momentsOf(layer: LayerRows, seen: readonly Seen[]): Moments[] {
  const kernel = pickReconstructKernel()
  const width = paddedWidth(layer.inputs)
  const outWidth = paddedWidth(layer.outputs)
  const chosen = seen.map(({ target }, sample) =>
    choose(layer.positions(target), Math.ceil(rowsFor(layer.inputs) / seen.length), sample),
  )
  const rows = chosen.reduce((sum, positions) => sum + positions.length, 0)
  const floats = seen.map(({ input, target }) => [toF32(input), toF32(target)] as const)
  return Array.from({ length: layer.groups }, (_, group) => {
    const x = new Float32Array(rows * width)
    const y = new Float32Array(rows * outWidth)
    let row = 0
    for (const [sample, { input, target }] of seen.entries()) {
      const [from, to] = floats[sample]!
      for (const position of chosen[sample]!) {
        layer.gather(from, input.shape, target, group, position, x, row * width)
        for (let o = 0; o < layer.outputs; o++)
          y[row * outWidth + o] = to[layer.outputIndex(target, group, o, position)]!
        row++
      }
    }
    return {
      rows,
      gram: kernel.product(x, width).map((sum) => sum / rows),
      cross: kernel.product(x, width, y, outWidth).map((sum) => sum / rows),
      meanX: means(x, rows, width),
      meanY: means(y, rows, outWidth),
    }
  })
}

function means(data: Float32Array, rows: number, width: number): Float64Array {
  const sums = new Float64Array(width)
  for (let row = 0, i = 0; row < rows; row++) for (let j = 0; j < width; j++) sums[j]! += data[i++]!
  return sums.map((sum) => sum / rows)
}

/** At most `count` of the positions 0 ... total - 1, one from each of `count` equal stretches. */
function choose(total: number, count: number, seed: number): number[] {
  if (total <= count) return Array.from({ length: total }, (_, i) => i)
  return Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * total) / count)
    const size = Math.floor(((i + 1) * total) / count) - from
    return from + ((Math.imul(seed * count + i + 1, 0x9e3779b1) >>> 8) % size)
  })
}
