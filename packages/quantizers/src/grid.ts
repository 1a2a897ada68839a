import { type Grid, MixbitError } from '@mixbit/graph'
import { type Layout, layoutOf } from './layout.ts'
import { nearestLevel, withMiddles } from './levels.ts'
import { roundHalfEven } from './round.ts'

/** How `quantize` treats a value that lies half way between two points of the grid. */
export interface QuantizeOptions {
  /**
   * `onnx` (default): x / scale is rounded half to even, then the zero point is added, as QuantizeLinear does.
   * `mct`: the zero point is added first, so with an odd zero point ties go the other way, as MCT's uniform quantizer does.
   */
  readonly ties?: 'onnx' | 'mct'
}

/** The smallest and the largest integer of a grid: [-2^(bits-1), 2^(bits-1) - 1] when signed, else [0, 2^bits - 1]. */
export const gridLimits = (grid: Pick<Grid, 'bits' | 'signed'>): readonly [number, number] =>
  grid.signed ? [-(2 ** (grid.bits - 1)), 2 ** (grid.bits - 1) - 1] : [0, 2 ** grid.bits - 1]

function layoutOn(grid: Grid, shape: readonly number[], length: number): Layout {
  const layout = layoutOf(shape, grid.axis, length)
  const { scale, zeroPoint } = grid
  if (scale.length !== layout.channels || zeroPoint.length !== layout.channels)
    throw new MixbitError(
      'GRID_SIZE',
      `A grid with ${scale.length} scales and ${zeroPoint.length} zero points does not fit the ${layout.channels} channels on axis ${grid.axis} of shape [${shape}].`,
      { hint: 'Give one scale and one zero point per channel.', context: { shape, axis: grid.axis } },
    )
  return layout
}

/** Calls `row` for every run of elements that share a channel. */
function forEachRow({ outer, channels, inner }: Layout, row: (from: number, to: number, channel: number) => void) {
  for (let o = 0, at = 0; o < outer; o++) for (let c = 0; c < channels; c++, at += inner) row(at, at + inner, c)
}

/**
 * Puts values on a grid: q = saturate(round(x / scale) + zeroPoint), division in float32, half to even; the definition
 * of ONNX QuantizeLinear. Infinities saturate; NaN becomes 0. On a grid with levels: the nearest level, the lower one of two.
 * @throws MixbitError `TENSOR_SIZE`, `AXIS_OUT_OF_RANGE`, `GRID_SIZE` when data, shape and grid do not agree.
 */
export function quantize(
  data: Float32Array,
  shape: readonly number[],
  grid: Grid,
  options: QuantizeOptions = {},
): Int32Array {
  const q = new Int32Array(data.length)
  if (grid.levels) {
    const { levels, middles } = withMiddles(grid.levels)
    forEachRow(layoutOn(grid, shape, data.length), (from, to, channel) => {
      const scale = grid.scale[channel]!
      for (let i = from; i < to; i++) q[i] = levels[nearestLevel(Math.fround(data[i]! / scale), middles)]!
    })
    return q
  }
  const [lo, hi] = gridLimits(grid)
  const early = options.ties === 'mct'
  forEachRow(layoutOn(grid, shape, data.length), (from, to, channel) => {
    const scale = grid.scale[channel]!
    const zero = grid.zeroPoint[channel]!
    const [before, after] = early ? [zero, 0] : [0, zero]
    const [least, most] = [lo - after, hi - after]
    for (let i = from; i < to; i++) {
      // Clamping before rounding is the same, as the limits are integers, and keeps the rounding exact.
      const v = Math.min(Math.max(Math.fround(data[i]! / scale) + before, least), most)
      q[i] = roundHalfEven(v) + after
    }
  })
  return q
}

/**
 * The values of grid points: float32((q - zeroPoint) * scale), the definition of ONNX DequantizeLinear.
 * @throws MixbitError `TENSOR_SIZE`, `AXIS_OUT_OF_RANGE`, `GRID_SIZE` when q, shape and grid do not agree.
 */
export function dequantize(q: ArrayLike<number>, shape: readonly number[], grid: Grid): Float32Array {
  const data = new Float32Array(q.length)
  forEachRow(layoutOn(grid, shape, q.length), (from, to, channel) => {
    const scale = grid.scale[channel]!
    const zero = grid.zeroPoint[channel]!
    for (let i = from; i < to; i++) data[i] = (q[i]! - zero) * scale
  })
  return data
}

/** The nearest values on a grid: `dequantize(quantize(data))`. Doing it twice changes nothing. Errors as there. */
export const fakeQuantize = (
  data: Float32Array,
  shape: readonly number[],
  grid: Grid,
  options: QuantizeOptions = {},
): Float32Array => dequantize(quantize(data, shape, grid, options), shape, grid)
