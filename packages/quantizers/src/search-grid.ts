import { type Grid, MixbitError } from '@mixbit/graph'
import { type ErrorMethod, type Evaluate, pointError, squaredError } from './error-method.ts'
import { weightedHistogram } from './histogram.ts'
import { type Kernel, pickKernel } from './kernel.ts'
import { klError } from './kl-error.ts'
import { checkBits, forEachChannel, layoutOf } from './layout.ts'
import { powerOfTwoThreshold } from './make-grid.ts'
import {
  type Candidate,
  type Refit,
  rangeCandidate,
  searchPowerOfTwo,
  searchRange,
  searchThreshold,
  thresholdCandidate,
} from './search.ts'

/** Which grids a search looks among. */
export type Scheme = 'symmetric' | 'uniform' | 'powerOfTwo'

export interface SearchGridOptions {
  readonly data: Float32Array
  readonly shape: readonly number[]
  /** The axis of the channels, each of which gets its own parameters; null: one for the tensor. */
  readonly axis: number | null
  /** 2 to 16. */
  readonly bits: number
  readonly scheme: Scheme
  /** Default `MSE`. */
  readonly errorMethod?: ErrorMethod
  /** The power p of `LP`; default 2. */
  readonly lp?: number
  /** Default: `wasm` where the runtime has WASM SIMD. Both give the same grid, bit for bit. */
  readonly kernel?: 'wasm' | 'twin'
}

/**
 * The threshold that clips nothing: max(-min, max * 2^(n-1) / (2^(n-1) - 1)), as the largest integer of a signed grid
 * is one less than the smallest is below zero. Source: MCT.
 */
export const noClippingThreshold = (min: number, max: number, bits: number): number =>
  Math.max(-min, (max * 2 ** (bits - 1)) / (2 ** (bits - 1) - 1), 0)

interface Method {
  readonly evaluate: Evaluate
  readonly refit?: Refit
}

function methodFor(x: Float32Array, method: ErrorMethod, lp: number, kernel: Kernel): Method | undefined {
  if (method === 'NOCLIPPING') return undefined
  if (method === 'KL') return { evaluate: klError(weightedHistogram(x)) }
  if (method !== 'MSE') return { evaluate: pointError({ x }, method, lp) }
  return {
    evaluate: squaredError(kernel, x),
    refit: ({ scale, lo, hi }) => {
      const [vq, qq] = kernel.moments(x, scale, lo, hi)
      return scale * (vq / qq)
    },
  }
}

function rangeOf(x: Float32Array, channel: number): readonly [number, number] {
  let min = 0
  let max = 0
  for (let i = 0; i < x.length; i++) {
    const v = x[i]!
    if (v < min) min = v
    else if (v > max) max = v
    else if (Number.isNaN(v)) notFinite(v, channel, i)
  }
  if (min === -Infinity || max === Infinity)
    notFinite(min === -Infinity ? min : max, channel, x.indexOf(min === -Infinity ? min : max))
  return [min, max]
}

function notFinite(value: number, channel: number, index: number): never {
  throw new MixbitError('WEIGHT_NOT_FINITE', `Element ${index} of channel ${channel} is ${value}.`, {
    hint: 'Repair the model, or leave this weight in float.',
    context: { channel, index, value },
  })
}

/** Short channels are cheap, and their error has many dents: they get up to eight times as many clips. */
const clipsFor = (length: number): number => Math.min(800, Math.max(100, Math.ceil(65536 / Math.max(1, length))))

function searchChannel(
  x: Float32Array,
  channel: number,
  options: Required<Omit<SearchGridOptions, 'kernel'>>,
  kernel: Kernel,
): Candidate {
  const { bits, scheme, errorMethod, lp } = options
  const [min, max] = rangeOf(x, channel)
  // An all-zero channel has nothing to search for.
  const method = min < max ? methodFor(x, errorMethod, lp, kernel) : undefined
  if (scheme === 'uniform') return method ? searchRange({ min, max, bits, ...method }) : rangeCandidate(min, max, bits)
  const cover = noClippingThreshold(min, max, bits)
  const powerOfTwo = scheme === 'powerOfTwo'
  if (!method) return thresholdCandidate(powerOfTwo ? powerOfTwoThreshold(cover) : cover, bits, true)
  const search = { cover, bits, signed: true, ...method, clips: errorMethod === 'KL' ? 100 : clipsFor(x.length) }
  return powerOfTwo ? searchPowerOfTwo({ ...search, steps: 10 }) : searchThreshold(search)
}

/**
 * The grid on which a weight loses least. Symmetric and power-of-two grids are signed; uniform ones unsigned with a zero
 * point. Symmetric: at least 100 clip ratios per channel, a finer scan around the best, least squares to the end (MSE);
 * its error is not above that of MCT's search. Channels that are all zero get a small positive scale. Deterministic.
 * @throws MixbitError `BITS_OUT_OF_RANGE`, `AXIS_OUT_OF_RANGE`, `TENSOR_SIZE`, `WEIGHT_NOT_FINITE`.
 */
export function searchGrid(options: SearchGridOptions): Grid {
  const { data, shape, axis, bits, scheme, kernel } = options
  checkBits(bits)
  const layout = layoutOf(shape, axis, data.length)
  const scale = new Float32Array(layout.channels)
  const zeroPoint = new Int32Array(layout.channels)
  const complete = { errorMethod: 'MSE' as const, lp: 2, ...options }
  const chosen = pickKernel(kernel)
  forEachChannel(data, layout, (x, c) => {
    const found = searchChannel(x, c, complete, chosen)
    scale[c] = found.scale
    if (scheme === 'uniform') zeroPoint[c] = -found.lo
  })
  return { bits, signed: scheme !== 'uniform', axis, scale, zeroPoint }
}
