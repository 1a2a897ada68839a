import { type Levels, nearestLevel } from './levels.ts'
import { clearLower } from './padded.ts'
import type { ReconstructKernel } from './reconstruct-kernel.ts'

// The same numbers as kernel/reconstruct.ts, to the last bit: one rounding to float32 after every operation, dot products
// in sixteen lanes. Slower, but it needs no WebAssembly.
const f = Math.fround

/** Sum of a[i] * b[i] over `length` elements (a multiple of eight), element i in lane i mod 16. */
function dot(a: Float32Array, from: number, b: Float32Array, at: number, length: number): number {
  const lanes = new Float32Array(16)
  for (let i = 0; i < length; i++) lanes[i & 15] = f(lanes[i & 15]! + f(a[from + i]! * b[at + i]!))
  const sum = (l: number) => f(f(lanes[l]! + lanes[l + 4]!) + f(lanes[l + 8]! + lanes[l + 12]!))
  return f(f(sum(0) + sum(1)) + f(sum(2) + sum(3)))
}

/** y[at + i] -= factor * x[from + i]. */
function subtract(y: Float32Array, at: number, x: Float32Array, from: number, factor: number, length: number): void {
  for (let i = 0; i < length; i++) y[at + i] = f(y[at + i]! - f(factor * x[from + i]!))
}

const aligned = (j: number): number => j & ~7

/** The TypeScript twin of the WASM kernel. */
export const twinReconstruct: ReconstructKernel = {
  name: 'twin',
  product(x, width, y = x, outWidth = width) {
    const out = new Float32Array(width * outWidth)
    for (let row = 0; row < x.length / width; row++)
      for (let i = 0; i < width; i++) {
        const factor = x[row * width + i]!
        for (let j = 0; j < outWidth; j++)
          out[i * outWidth + j] = f(out[i * outWidth + j]! + f(factor * y[row * outWidth + j]!))
      }
    return out
  },
  cholesky(h, columns, width) {
    const r = h.slice()
    for (let j = 0; j < columns; j++) {
      const row = j * width
      const from = aligned(j)
      for (let i = 0; i < j; i++) subtract(r, row + from, r, i * width + from, r[i * width + j]!, width - from)
      if (!(r[row + j]! > 0)) return null
      const root = f(Math.sqrt(r[row + j]!))
      for (let k = j; k < columns; k++) r[row + k] = f(r[row + k]! / root)
    }
    return clearLower(r, columns, width)
  },
  solve({ r, columns, width }, b) {
    const x = b.slice()
    for (let start = 0; start < x.length; start += width) {
      for (let i = 0; i < columns; i++) {
        const from = aligned(i)
        const z = f(x[start + i]! / r[i * width + i]!)
        subtract(x, start + from, r, i * width + from, z, width - from)
        x[start + i] = z
      }
      for (let i = columns - 1; i >= 0; i--) {
        const from = aligned(i)
        const value = x[start + i]!
        x[start + i] = 0
        const behind = dot(r, i * width + from, x, start + from, width - from)
        x[start + i] = f(f(value - behind) / r[i * width + i]!)
      }
    }
    return x
  },
  scaleErrors: (w, d, { levels, middles }, scales) =>
    Float64Array.from(scales, (scale) => {
      const sums = new Float64Array(4)
      for (let j = 0; j < w.length; j++) {
        const error = f(w[j]! - f(levels[nearestLevel(f(w[j]! / scale), middles)]! * scale))
        sums[j & 3]! += f(f(d[j]! * error) * error)
      }
      return sums[0]! + sums[2]! + (sums[1]! + sums[3]!)
    }),
  rounder:
    ({ h, r, columns, width }, { levels, middles, sweeps, pairs, refit }) =>
    (w, hw, start) => {
      const q = new Float32Array(width)
      const e = new Float32Array(width)
      const g = new Float32Array(width)
      let scale = start
      const level = (value: number) => levels[nearestLevel(f(value / scale), middles)]!
      for (let j = columns - 1; j >= 0; j--) {
        const from = aligned(j)
        const pivot = r[j * width + j]!
        const behind = dot(r, j * width + from, e, from, width - from)
        q[j] = level(f(w[j]! + f(behind / pivot)))
        e[j] = f(w[j]! - f(q[j]! * scale))
        subtract(g, from, r, j * width + from, -f(behind + f(pivot * e[j]!)), width - from)
      }
      const state: RowState = { h, columns, width, q, e, g, levels, middles }
      for (let turn = 0; turn < sweeps + pairs; turn++) {
        const moved = turn < sweeps ? singles(state, scale) : twos(state, scale)
        let same = true
        if (refit) {
          const qhw = dot(q, 0, hw, 0, width)
          const qhq = f(f(qhw - dot(q, 0, g, 0, width)) / scale)
          const next = f(qhw / qhq)
          if (!(next > 0) || !(qhq > 0)) break
          for (let i = 0; i < width; i++) {
            const hq = f(f(hw[i]! - g[i]!) / scale)
            g[i] = f(hw[i]! - f(next * hq))
            e[i] = f(w[i]! - f(next * q[i]!))
          }
          same = next === scale
          scale = next
        }
        if (moved > 0 || !same) continue
        if (turn >= sweeps) break
        turn = sweeps - 1
      }
      return { q, e, g, scale, error: dot(e, 0, g, 0, width) }
    },
}

/** A row while it is rounded: its levels q, its errors e, and H e. */
interface RowState extends Levels {
  readonly h: Float32Array
  readonly columns: number
  readonly width: number
  readonly q: Float32Array
  readonly e: Float32Array
  readonly g: Float32Array
}

/** One turn of coordinate descent; gives how many columns moved. */
function singles({ h, columns, width, q, e, g, levels, middles }: RowState, scale: number): number {
  let moved = 0
  for (let j = 0; j < columns; j++) {
    const old = q[j]!
    const value = f(f(old * scale) + f(g[j]! / h[j * width + j]!))
    const next = levels[nearestLevel(f(value / scale), middles)]!
    if (next === old) continue
    const step = f(f(next - old) * scale)
    q[j] = next
    e[j] = f(e[j]! - step)
    subtract(g, 0, h, j * width, step, width)
    moved++
  }
  return moved
}

const noGain = f(1e-6)

/** One turn in which two columns move at once. */
function twos({ h, columns, width, q, e, g, levels, middles }: RowState, scale: number): number {
  const steps = [new Float32Array(width), new Float32Array(width)] as const
  const costs = [new Float32Array(width), new Float32Array(width)] as const
  const least = f(-noGain * dot(e, 0, g, 0, width))
  const stepsAt = (j: number) => {
    const at = nearestLevel(q[j]!, middles)
    steps[0][j] = at < middles.length ? f(f(levels[at + 1]! - q[j]!) * scale) : 0
    steps[1][j] = at > 0 ? f(f(levels[at - 1]! - q[j]!) * scale) : 0
  }
  const costsOf = () => {
    for (let j = 0; j < columns; j++)
      for (const [way, t] of steps.entries()) costs[way]![j] = f(t[j]! * f(f(t[j]! * h[j * width + j]!) - f(2 * g[j]!)))
  }
  const take = (j: number, way: number) => {
    const step = steps[way]![j]!
    q[j] = levels[nearestLevel(q[j]!, middles) + (way === 0 ? 1 : -1)]!
    e[j] = f(e[j]! - step)
    subtract(g, 0, h, j * width, step, width)
  }
  for (let j = 0; j < columns; j++) stepsAt(j)
  costsOf()
  let moved = 0
  for (let i = 0; i < columns; i++) {
    const [up, down] = [steps[0][i]!, steps[1][i]!]
    const way = up !== 0 && (down === 0 || costs[0][i]! <= costs[1][i]!) ? 0 : 1
    const [step, own] = [steps[way]![i]!, costs[way]![i]!]
    if (step === 0) continue
    let best = 0
    let partner = -1
    let partnerWay = 0
    const factor = f(2 * step)
    for (let j = 0; j < columns; j++) {
      if (j === i) continue
      const x = f(factor * h[i * width + j]!)
      const [withUp, withDown] = steps.map((t, k) => f(costs[k]![j]! + f(x * t[j]!))) as [number, number]
      const lower = Math.min(withUp, withDown)
      if (!(lower < best)) continue
      best = lower
      partner = j
      partnerWay = withUp <= withDown ? 0 : 1
    }
    if (!(f(own + best) < least)) continue
    take(i, way)
    if (partner >= 0) take(partner, partnerWay)
    for (const j of partner >= 0 ? [i, partner] : [i]) stepsAt(j)
    costsOf()
    moved++
  }
  return moved
}
