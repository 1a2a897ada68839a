import type { Evaluate } from './error-method.ts'
import type { Candidates } from './kernel.ts'
import { leastScale, leastThreshold, powerOfTwoThreshold, uniformParameters } from './make-grid.ts'

/** A grid for one run of numbers: see `Candidates`. */
export interface Candidate {
  readonly scale: number
  readonly lo: number
  readonly hi: number
}

/** Gives the scale that fits the integers of a candidate best (least squares). */
export type Refit = (candidate: Candidate) => number

const toScale = (scale: number): number => Math.fround(Math.max(scale, leastScale))

function pack(list: readonly Candidate[]): Candidates {
  const [scale, lo, hi] = [0, 1, 2].map(() => new Float32Array(list.length)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  for (let k = 0; k < list.length; k++) {
    scale[k] = list[k]!.scale
    lo[k] = list[k]!.lo
    hi[k] = list[k]!.hi
  }
  return { scale, lo, hi }
}

/** The first of the best. NaN and Infinity never win against a number. */
const best = (list: readonly Candidate[], evaluate: Evaluate) => least(evaluate(pack(list)))

function least(errors: Float64Array): { at: number; error: number } {
  let at = 0
  for (let k = 1; k < errors.length; k++) if (errors[k]! < errors[at]! || Number.isNaN(errors[at]!)) at = k
  return { at, error: errors[at]! }
}

/** The symmetric candidate of a threshold; all-zero numbers (threshold 0) get the least one. */
export function thresholdCandidate(threshold: number, bits: number, signed: boolean): Candidate {
  const levels = 2 ** (signed ? bits - 1 : bits)
  return {
    scale: toScale((threshold > 0 ? threshold : leastThreshold) / levels),
    lo: signed ? -levels : 0,
    hi: levels - 1,
  }
}

/** The affine candidate of a range; see `uniformParameters`. */
export function rangeCandidate(min: number, max: number, bits: number): Candidate {
  const { scale, zeroPoint } = uniformParameters(min, max, bits)
  return { scale, lo: -zeroPoint, hi: 2 ** bits - 1 - zeroPoint }
}

/**
 * Clip ratios of the coarse scan: a quarter geometric from 1/100 to 0.3, the rest linear to 1.2 (a grid may fit better
 * when it reaches beyond the data).
 */
function clipRatios(count: number): Float64Array {
  const low = Math.round(count / 4)
  return Float64Array.from({ length: count }, (_, i) =>
    i < low ? 0.01 * 30 ** (i / low) : 0.3 + (0.9 * (i - low)) / (count - low - 1),
  )
}
const ratioCache = new Map<number, Float64Array>()
/** The ratios of the coarse scan, and 1 at the end: the grid that just covers the data. */
function coarseRatios(count: number): Float64Array {
  const known = ratioCache.get(count) ?? Float64Array.of(...clipRatios(count), 1)
  ratioCache.set(count, known)
  return known
}

/** The symmetric candidates of several thresholds. */
function thresholds(cover: number, ratios: Float64Array, bits: number, signed: boolean): Candidates {
  const { lo, hi } = thresholdCandidate(cover, bits, signed)
  const size = ratios.length
  const scale = new Float32Array(size)
  for (let k = 0; k < size; k++) scale[k] = toScale((cover * ratios[k]!) / (signed ? -lo : hi + 1))
  return { scale, lo: new Float32Array(size).fill(lo), hi: new Float32Array(size).fill(hi) }
}

/** Least squares in turn: scale for the integers, integers for the scale. Each turn lowers the squared error or ends. */
function polish(candidate: Candidate, error: number, evaluate: Evaluate, refit: Refit): Candidate {
  let [current, smallestYet] = [candidate, error]
  for (let turn = 0; turn < 8; turn++) {
    const scale = toScale(refit(current))
    if (!(scale > 0) || scale === current.scale) break
    const next = { ...current, scale }
    const after = best([next], evaluate).error
    if (!(after < smallestYet)) break
    ;[current, smallestYet] = [next, after]
  }
  return current
}

export interface ThresholdSearch {
  /** The threshold at which nothing is clipped; 0 for numbers that are all 0. */
  readonly cover: number
  readonly bits: number
  readonly signed: boolean
  readonly evaluate: Evaluate
  readonly refit?: Refit
  /** Clip ratios of the coarse scan; default 100. */
  readonly clips?: number
}

/** How many of the best clip ratios are looked at closely: the error of short channels has many dents. */
const startsFor = (clips: number): number => (clips >= 400 ? 8 : 1)

/**
 * The symmetric grid with the least error: a scan over clip ratios, a second one between the neighbours of the best (of
 * the best eight when there are 400 clips), then least-squares turns if there is a `refit`. The first of equals wins.
 */
export function searchThreshold({ cover, bits, signed, evaluate, refit, clips = 100 }: ThresholdSearch): Candidate {
  if (!(cover > 0)) return thresholdCandidate(0, bits, signed)
  const coarse = coarseRatios(clips)
  const errors = evaluate(thresholds(cover, coarse, bits, signed))
  const finalists = smallest(errors, startsFor(clips)).map((index) => {
    const [from, to] = neighbours(coarse, index)
    const fine = Float64Array.from({ length: 16 }, (_, i) => from + ((to - from) * i) / 16)
    fine[0] = coarse[index]!
    const second = least(evaluate(thresholds(cover, fine, bits, signed)))
    const found = thresholdCandidate(cover * fine[second.at]!, bits, signed)
    return refit ? polish(found, second.error, evaluate, refit) : found
  })
  return finalists.length === 1 ? finalists[0]! : finalists[best(finalists, evaluate).at]!
}

/** Indices of the smallest `count` errors, the smallest first; the earlier of equals first. */
export function smallest(errors: Float64Array, count: number): number[] {
  // None of them is above the largest of as many around the least: most are passed over at once.
  let least = 0
  for (let k = 1; k < errors.length; k++) if (errors[k]! < errors[least]!) least = k
  const from = Math.max(0, Math.min(least - (count >> 1), errors.length - count))
  const bound = errors.subarray(from, from + count).reduce((a, b) => Math.max(a, b))
  const found: number[] = []
  for (let k = 0; k < errors.length; k++) {
    const error = errors[k]!
    if (error > bound) continue
    let at = found.length
    while (at > 0 && error < errors[found[at - 1]!]!) at--
    if (at === count) continue
    found.splice(at, 0, k)
    if (found.length > count) found.pop()
  }
  return found
}

/** The ratios on both sides of one of `coarseRatios`; the last one is out of order. */
function neighbours(coarse: Float64Array, index: number): [number, number] {
  const last = coarse.length - 1
  if (index < last) return [coarse[index - 1] ?? 0.005, index + 1 < last ? coarse[index + 1]! : 1.25]
  const above = coarse.findIndex((ratio) => ratio > 1)
  return [coarse[(above < 0 ? last : above) - 1]!, above < 0 ? 1.25 : coarse[above]!]
}

/** The power-of-two grid: from twice the covering power of two, halved `steps` times; the first minimum wins (MCT). */
export function searchPowerOfTwo(search: ThresholdSearch & { readonly steps: number }): Candidate {
  const { cover, bits, signed, steps, evaluate } = search
  if (!(cover > 0)) return thresholdCandidate(0, bits, signed)
  const top = 2 * powerOfTwoThreshold(cover)
  const list = Array.from({ length: steps }, (_, i) => thresholdCandidate(top * 2 ** -i, bits, signed))
  return list[best(list, evaluate).at]!
}

export interface RangeSearch {
  readonly min: number
  readonly max: number
  readonly bits: number
  readonly evaluate: Evaluate
  readonly refit?: Refit
  /** Ratios tried for either end of the range; default 16. */
  readonly clips?: number
}

/**
 * The affine grid with the least error: ratios for both ends of the range on a square, then four squares of 5 x 5, each
 * half as wide, around the best. An end at 0 stays there.
 */
export function searchRange({ min, max, bits, evaluate, refit, clips = 16 }: RangeSearch): Candidate {
  const [a, b] = [Math.min(min, 0), Math.max(max, 0)]
  const at = ([low, high]: readonly [number, number]) => rangeCandidate(a * low, b * high, bits)
  if (a === b) return at([1, 1])
  const square = (lows: readonly number[], highs: readonly number[]) =>
    (a === 0 ? [1] : lows).flatMap((low) => (b === 0 ? [1] : highs).map((high) => [low, high] as const))
  const oneSided = a === 0 || b === 0
  const coarse = Array.from(clipRatios(oneSided ? Math.max(100, clips * clips) : clips))
  let pairs = [[1, 1] as const, ...square(coarse, coarse)]
  let found = best(pairs.map(at), evaluate)
  let center = pairs[found.at]!
  for (let round = 0, width = oneSided ? 0.02 : 1.5 / clips; round < 4; round++, width /= 2) {
    const around = (r: number) => [-1, -0.5, 0, 0.5, 1].map((d) => Math.max(0.002, r + d * width * Math.min(1, 2 * r)))
    pairs = [center, ...square(around(center[0]), around(center[1]))]
    found = best(pairs.map(at), evaluate)
    center = pairs[found.at]!
  }
  return refit ? polish(at(center), found.error, evaluate, refit) : at(center)
}
