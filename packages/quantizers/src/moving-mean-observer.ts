import { forEachChannel, layoutOf } from './layout.ts'
import { type Observer, refuseNaN } from './observer.ts'

/** The mean of each channel over the `count` finite values seen in it. Empty before the first observation. */
export interface MeanState {
  readonly mean: Float64Array
  readonly count: Float64Array
}

/**
 * The running mean of all observed values, per tensor or along `axis` (then `observe` needs the shape): what bias
 * correction calls E[x]. Values count equally, so for batches of equal size it is MCT's mean of batch means.
 * `observe` @throws MixbitError `OBSERVATION_NOT_FINITE` for NaN, `AXIS_OUT_OF_RANGE`, `TENSOR_SIZE`.
 */
export function movingMeanObserver({ axis = null }: { readonly axis?: number | null } = {}): Observer<MeanState> {
  const merge = (a: MeanState, b: MeanState): MeanState => {
    if (a.mean.length === 0) return b
    if (b.mean.length === 0) return a
    const count = a.count.map((n, c) => n + b.count[c]!)
    const mean = a.mean.map((m, c) => (count[c] ? m + (b.mean[c]! - m) * (b.count[c]! / count[c]!) : 0))
    return { mean, count }
  }
  return {
    empty: { mean: new Float64Array(0), count: new Float64Array(0) },
    merge,
    observe(state, data, shape = [data.length]) {
      const layout = layoutOf(shape, axis, data.length)
      const mean = new Float64Array(layout.channels)
      const count = new Float64Array(layout.channels)
      forEachChannel(data, layout, (x, c) => {
        let sum = 0
        let n = 0
        for (let i = 0; i < x.length; i++) {
          const v = x[i]!
          if (Number.isNaN(v)) refuseNaN(i)
          if (v === Infinity || v === -Infinity) continue
          sum += v
          n++
        }
        mean[c] = n ? sum / n : 0
        count[c] = n
      })
      return merge(state, { mean, count })
    },
  }
}
