import type { Grid } from '@mixbit/graph'
import { forEachChannel, layoutOf } from './layout.ts'
import { nearestLevel, type TableScheme, withMiddles } from './levels.ts'
import { levelsFor, startScales } from './row-levels.ts'

export interface SearchLevelsOptions {
  readonly data: Float32Array
  readonly shape: readonly number[]
  /** The axis of the channels, each of which gets its own scale; null: one for the tensor. */
  readonly axis: number | null
  /** 1 to 8. */
  readonly bits: number
  readonly scheme: TableScheme
}

/**
 * The grid with a table of levels on which a weight loses least in the mean square when it is rounded to the nearest: one
 * table for the tensor, and a scale per channel that is fitted to its levels.
 * @throws MixbitError `AXIS_OUT_OF_RANGE`, `TENSOR_SIZE`.
 */
export function searchLevels({ data, shape, axis, bits, scheme }: SearchLevelsOptions): Grid {
  const layout = layoutOf(shape, axis, data.length)
  const width = layout.outer * layout.inner
  const weights = new Float32Array(data.length)
  forEachChannel(data, layout, (x, channel) => weights.set(x, channel * width))
  const rows = { count: layout.channels, weights }
  const diagonal = new Float32Array(width).fill(1)
  const levels = levelsFor(scheme, bits, [{ rows, diagonal }])
  const table = withMiddles(levels)
  const start = startScales(rows, diagonal, scheme, table, 1)[0]!
  const scale = scheme.startsWith('lut')
    ? start
    : start.map((s, row) => fitted(weights.subarray(row * width, (row + 1) * width), s, table))
  return { bits, signed: true, axis, scale, zeroPoint: new Int32Array(scale.length), levels: Int8Array.from(levels) }
}

/** Nearest levels for the scale and the best scale for the levels, in turn, while that helps. */
function fitted(w: Float32Array, start: number, { levels, middles }: ReturnType<typeof withMiddles>): number {
  let scale = start
  for (let turn = 0; turn < 8; turn++) {
    let wq = 0
    let qq = 0
    for (let i = 0; i < w.length; i++) {
      const q = levels[nearestLevel(Math.fround(w[i]! / scale), middles)]!
      wq += w[i]! * q
      qq += q * q
    }
    const next = Math.fround(wq / qq)
    if (!(next > 0) || next === scale) break
    scale = next
  }
  return scale
}
