import { type Grid, MixbitError } from '@mixbit/graph'
import { type ErrorMethod, type Evaluate, pointError } from './error-method.ts'
import type { Histogram } from './histogram.ts'
import { klError } from './kl-error.ts'
import { checkBits } from './layout.ts'
import { checkRange, leastThreshold, powerOfTwoThreshold, symmetricGrid, uniformGrid } from './make-grid.ts'
import { searchPowerOfTwo, searchRange, searchThreshold } from './search.ts'
import type { Scheme } from './search-grid.ts'

export interface ActivationGridOptions {
  /** What was observed: a histogram (searched), or only min and max (covered). */
  readonly histogram?: Histogram
  readonly min?: number
  readonly max?: number
  /** 2 to 16. */
  readonly bits: number
  readonly scheme: Scheme
  /** Default `MSE`. */
  readonly errorMethod?: ErrorMethod
  /** The power p of `LP`; default 2. */
  readonly lp?: number
  /** Symmetric schemes only. Default: signed if anything below 0 was observed, or the bounds allow it. */
  readonly signed?: boolean
  /** What the operator can produce at all (sigmoid: 0 to 1). Finite bounds are covered, without a search. */
  readonly bounds?: { readonly min: number; readonly max: number }
}

/** The range that an activation grid shall cover: symmetric schemes [-t, t] when signed, else [0, t]. */
export interface ActivationRange {
  readonly min: number
  readonly max: number
  readonly signed: boolean
}

/** The exact range of a histogram if it knows it, else the edges of its occupied bins. */
function observedRange({ histogram, min, max }: ActivationGridOptions): [number, number] {
  if (min !== undefined && max !== undefined) return checkRange(min, max)
  const first = histogram?.counts.findIndex((c) => c > 0) ?? -1
  if (!histogram || first < 0)
    throw new MixbitError('OBSERVATION_EMPTY', 'Nothing was observed of this activation.', {
      hint: 'Give a histogram with counts, or min and max.',
    })
  const last = histogram.counts.findLastIndex((c) => c > 0)
  return checkRange(histogram.min ?? histogram.edges[first]!, histogram.max ?? histogram.edges[last + 1]!)
}

/** The error over the bins of a histogram, weighted with their counts. */
function errorOver(histogram: Histogram, method: Exclude<ErrorMethod, 'NOCLIPPING'>, lp: number): Evaluate {
  if (method === 'KL') return klError(histogram)
  const { edges, counts } = histogram
  // Empty bins, mostly in the tails, weigh nothing.
  const filled = Array.from(counts.keys()).filter((i) => counts[i]! > 0)
  const x = Float64Array.from(filled, (i) => (edges[i]! + edges[i + 1]!) / 2)
  const weight = Float64Array.from(filled, (i) => counts[i]!)
  return pointError({ x, weight, width: edges[1]! - edges[0]! }, method, lp)
}

/**
 * The range of an activation, before zero is put on the grid. Finite bounds, errorMethod `NOCLIPPING` and a missing histogram
 * mean that everything is covered; else thresholds and ranges are tried on the histogram. Source of the rules: MCT.
 * @throws MixbitError `BITS_OUT_OF_RANGE`, `OBSERVATION_EMPTY`, `RANGE_INVALID`.
 */
export function activationRange(options: ActivationGridOptions): ActivationRange {
  const { histogram, bits, scheme, errorMethod = 'MSE', lp = 2, bounds } = options
  checkBits(bits)
  const bounded = bounds && Number.isFinite(bounds.min) && Number.isFinite(bounds.max)
  const [min, max] = bounded ? checkRange(bounds.min, bounds.max) : observedRange(options)
  const signed = options.signed ?? min < 0
  const search = !bounded && histogram && errorMethod !== 'NOCLIPPING'
  const evaluate = search ? errorOver(histogram, errorMethod, lp) : undefined
  if (scheme === 'uniform') {
    if (!evaluate) return { min, max, signed }
    const { scale, lo, hi } = searchRange({ min, max, bits, evaluate })
    return { min: lo * scale, max: hi * scale, signed }
  }
  const cover = Math.max(max, signed ? -min : 0)
  const powerOfTwo = scheme === 'powerOfTwo'
  if (!evaluate)
    return symmetricRange(powerOfTwo ? powerOfTwoThreshold(cover) : Math.max(cover, leastThreshold), signed)
  const task = { cover, bits, signed, evaluate, clips: 200 }
  const found = powerOfTwo ? searchPowerOfTwo({ ...task, steps: 20 }) : searchThreshold(task)
  return symmetricRange(found.scale * (found.hi + 1), signed)
}

const symmetricRange = (threshold: number, signed: boolean): ActivationRange => ({
  min: signed ? -threshold : 0,
  max: threshold,
  signed,
})

/**
 * The grid of an activation, one for the whole tensor: symmetric and power-of-two with zero point 0, or uniform (unsigned with
 * a zero point; with 8 bits the scale and zero point of a uint8 QuantizeLinear). Errors as `activationRange`.
 */
export function activationGrid(options: ActivationGridOptions): Grid {
  const { min, max, signed } = activationRange(options)
  const { bits, scheme } = options
  return scheme === 'uniform' ? uniformGrid({ min, max, bits }) : symmetricGrid({ threshold: max, bits, signed })
}
