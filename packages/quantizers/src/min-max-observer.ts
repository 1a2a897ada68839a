import { forEachChannel, layoutOf } from './layout.ts'
import { type Observer, refuseNaN } from './observer.ts'

/** Ranges per channel (one channel without an axis). Empty before the first observation; Infinity, -Infinity: no finite value yet. */
export interface MinMaxState {
  readonly min: Float64Array
  readonly max: Float64Array
}

const zip = (a: Float64Array, b: Float64Array, pick: (x: number, y: number) => number): Float64Array =>
  a.length === 0 ? b : b.length === 0 ? a : a.map((x, i) => pick(x, b[i]!))

/**
 * The range of all observed values, per tensor or along `axis` (then `observe` needs the shape).
 * `observe` @throws MixbitError `OBSERVATION_NOT_FINITE` for NaN, `AXIS_OUT_OF_RANGE`, `TENSOR_SIZE`.
 */
export function minMaxObserver({ axis = null }: { readonly axis?: number | null } = {}): Observer<MinMaxState> {
  const merge = (a: MinMaxState, b: MinMaxState): MinMaxState => ({
    min: zip(a.min, b.min, Math.min),
    max: zip(a.max, b.max, Math.max),
  })
  return {
    empty: { min: new Float64Array(0), max: new Float64Array(0) },
    merge,
    observe(state, data, shape = [data.length]) {
      const layout = layoutOf(shape, axis, data.length)
      const min = new Float64Array(layout.channels).fill(Infinity)
      const max = new Float64Array(layout.channels).fill(-Infinity)
      forEachChannel(data, layout, (x, c) => {
        for (let i = 0; i < x.length; i++) {
          const v = x[i]!
          if (Number.isNaN(v)) refuseNaN(i)
          if (v < min[c]! && v !== -Infinity) min[c] = v
          if (v > max[c]! && v !== Infinity) max[c] = v
        }
      })
      return merge(state, { min, max })
    },
  }
}
