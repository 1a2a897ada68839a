import type { Kernel } from './kernel.ts'

// The same sums as kernel/scan.ts, to the last bit: one rounding to float32 after every operation, four lanes, blocks
// of 256 elements folded into float64. Slower, but it needs no WebAssembly.
const f = Math.fround
const magic = 12582912
const block = 256

/** Adds up `term` of (v, q) over x: lanes in float32 within a block, blocks in float64. */
function sum(x: Float32Array, inverse: number, lo: number, hi: number, term: 'error' | 'vq' | 'qq'): number {
  const lanes = new Float32Array(4)
  let total = 0
  for (let at = 0; at < x.length; at += block) {
    lanes.fill(0)
    const stop = Math.min(at + block, x.length)
    for (let i = at; i < stop; i++) {
      const v = f(x[i]! * inverse)
      const q = f(f(Math.max(lo, Math.min(hi, v)) + magic) - magic)
      const d = f(v - q)
      const t = term === 'error' ? f(d * d) : term === 'vq' ? f(v * q) : f(q * q)
      const lane = (i - at) & 3
      lanes[lane] = f(lanes[lane]! + t)
    }
    total += lanes[0]! + lanes[1]! + (lanes[2]! + lanes[3]!)
  }
  return total
}

/** The TypeScript twin of the WASM kernel. */
export const twinKernel: Kernel = {
  name: 'twin',
  errors: (x, { scale, lo, hi }) => Float64Array.from(scale, (s, k) => sum(x, f(1 / s), lo[k]!, hi[k]!, 'error')),
  moments: (x, scale, lo, hi) => [sum(x, f(1 / scale), lo, hi, 'vq'), sum(x, f(1 / scale), lo, hi, 'qq')],
}
