import { type Grid, MixbitError } from '@mixbit/graph'
import { checkBits } from './layout.ts'
import { roundHalfEven } from './round.ts'

/** One number for the whole tensor, or one per channel. */
export type PerChannel = number | ArrayLike<number>

/** The least scale that grids are given: smaller ones come near float32's denormals, which runtimes flush to zero. */
export const leastScale = 2 ** -100
/** The threshold of a tensor that is all zero (the least threshold of MCT). */
export const leastThreshold = 2 ** -16

export interface ThresholdGridOptions {
  /** Positive; the signed grid covers [-t, t - step], the unsigned one [0, t - step]. */
  readonly threshold: PerChannel
  /** 2 to 16. */
  readonly bits: number
  /** Default true. */
  readonly signed?: boolean
  /** The axis along which the thresholds run; default null: one threshold. */
  readonly axis?: number | null
}

export interface UniformGridOptions {
  readonly min: PerChannel
  readonly max: PerChannel
  /** 2 to 16. */
  readonly bits: number
  /** The axis along which the ranges run; default null: one range. */
  readonly axis?: number | null
}

const toList = (x: PerChannel): number[] => (typeof x === 'number' ? [x] : Array.from(x))

function checkThreshold(t: number): void {
  if (!(t > 0) || !Number.isFinite(t))
    throw new MixbitError('THRESHOLD_INVALID', `A threshold of ${t} spans no grid.`, {
      hint: 'Give positive, finite thresholds.',
      context: { threshold: t },
    })
}

/** @throws MixbitError `GRID_SIZE` unless there is one parameter, or an axis for several. */
function checkCount(count: number, axis: number | null): void {
  if (count === 1 || (axis !== null && count > 0)) return
  throw new MixbitError('GRID_SIZE', `${count} parameters were given for a grid without an axis.`, {
    hint: 'Name the axis along which they run, or give one number.',
    context: { count, axis },
  })
}

/**
 * The symmetric grid of a threshold: step = t / 2^(bits - s), with s = 1 when signed, else 0; zero point 0. Scales are
 * float32.
 * @throws MixbitError `BITS_OUT_OF_RANGE`, `THRESHOLD_INVALID`, `GRID_SIZE`.
 */
export function symmetricGrid({ threshold, bits, signed = true, axis = null }: ThresholdGridOptions): Grid {
  checkBits(bits)
  const thresholds = toList(threshold)
  checkCount(thresholds.length, axis)
  thresholds.forEach(checkThreshold)
  const levels = 2 ** (signed ? bits - 1 : bits)
  const scale = Float32Array.from(thresholds, (t) => Math.max(t / levels, leastScale))
  return { bits, signed, axis, scale, zeroPoint: new Int32Array(scale.length) }
}

/** 2^ceil(log2(max(x, 2^-16))): the power of two that covers x, at least 2^-16 (MCT's rule). */
export function powerOfTwoThreshold(maxAbs: number): number {
  const x = Math.max(maxAbs, leastThreshold)
  // log2 is not exact near powers of two, so its answer is corrected by comparison.
  const t = 2 ** Math.round(Math.log2(x))
  return t >= x ? (t / 2 >= x ? t / 2 : t) : t * 2
}

/** The symmetric grid whose thresholds are rounded up to powers of two. Errors as `symmetricGrid`. */
export function powerOfTwoGrid(options: ThresholdGridOptions): Grid {
  const thresholds = toList(options.threshold)
  thresholds.forEach(checkThreshold)
  return symmetricGrid({ ...options, threshold: thresholds.map(powerOfTwoThreshold) })
}

/**
 * Scale (float32) and zero point of the unsigned grid that covers [min, max] and has zero on it: min > 0 becomes 0,
 * max < 0 becomes 0, else the range is shifted by less than a step, to the nearest (MCT's rule).
 */
export function uniformParameters(min: number, max: number, bits: number): { scale: number; zeroPoint: number } {
  const a = Math.min(min, 0)
  const b = Math.max(max, 0)
  const levels = 2 ** bits - 1
  const width = b - a > 0 ? b - a : leastThreshold
  const scale = Math.fround(Math.max(width / levels, leastScale))
  return { scale, zeroPoint: Math.min(levels, Math.max(0, roundHalfEven((-a / width) * levels))) }
}

/**
 * The unsigned affine grid of a range, with zero on the grid (see `uniformParameters`). With 8 bits these are the
 * scale and zero point of a uint8 QuantizeLinear. A range of width 0 at 0 gets a small positive scale.
 * @throws MixbitError `BITS_OUT_OF_RANGE`, `RANGE_INVALID` (not finite, or min above max), `GRID_SIZE`.
 */
export function uniformGrid({ min, max, bits, axis = null }: UniformGridOptions): Grid {
  checkBits(bits)
  const mins = toList(min)
  const maxs = toList(max)
  checkCount(mins.length, axis)
  if (mins.length !== maxs.length)
    throw new MixbitError('GRID_SIZE', `${mins.length} minima and ${maxs.length} maxima make no ranges.`, {
      hint: 'Give one minimum and one maximum per channel.',
    })
  const parameters = mins.map((a, i) => uniformParameters(...checkRange(a, maxs[i]!), bits))
  return {
    bits,
    signed: false,
    axis,
    scale: Float32Array.from(parameters, (p) => p.scale),
    zeroPoint: Int32Array.from(parameters, (p) => p.zeroPoint),
  }
}

/** @throws MixbitError `RANGE_INVALID` unless both ends are finite and in order. */
export function checkRange(min: number, max: number): [number, number] {
  if (Number.isFinite(min) && Number.isFinite(max) && min <= max) return [min, max]
  throw new MixbitError('RANGE_INVALID', `[${min}, ${max}] is not a range.`, {
    hint: 'Give finite numbers, the smaller one first.',
    context: { min, max },
  })
}
