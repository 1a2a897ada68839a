import { nearestLevel } from './levels.ts'
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
  round({ h, r, columns, width }, { weights, products, scale: scales, levels, middles, sweeps, refit }) {
    const rows = scales.length
    const rounded = {
      q: new Float32Array(rows * width),
      scale: new Float32Array(rows),
      error: new Float32Array(rows),
    }
    for (let row = 0; row < rows; row++) {
      const w = weights.subarray(row * width, (row + 1) * width)
      const hw = products.subarray(row * width, (row + 1) * width)
      const q = rounded.q.subarray(row * width, (row + 1) * width)
      const e = new Float32Array(width)
      const g = new Float32Array(width)
      let scale = scales[row]!
      const level = (value: number) => levels[nearestLevel(f(value / scale), middles)]!
      for (let j = columns - 1; j >= 0; j--) {
        const from = aligned(j)
        const pivot = r[j * width + j]!
        const behind = dot(r, j * width + from, e, from, width - from)
        q[j] = level(f(w[j]! + f(behind / pivot)))
        e[j] = f(w[j]! - f(q[j]! * scale))
        subtract(g, from, r, j * width + from, -f(behind + f(pivot * e[j]!)), width - from)
      }
      for (let turn = 0; turn < sweeps; turn++) {
        let moved = 0
        for (let j = 0; j < columns; j++) {
          const old = q[j]!
          const next = level(f(f(old * scale) + f(g[j]! / h[j * width + j]!)))
          if (next === old) continue
          const step = f(f(next - old) * scale)
          q[j] = next
          e[j] = f(e[j]! - step)
          subtract(g, 0, h, j * width, step, width)
          moved++
        }
        if (!refit) {
          if (moved === 0) break
          continue
        }
        const qhw = dot(q, 0, hw, 0, width)
        const qhq = f(f(qhw - dot(q, 0, g, 0, width)) / scale)
        const next = f(qhw / qhq)
        if (!(next > 0) || !(qhq > 0)) break
        for (let i = 0; i < width; i++) {
          const hq = f(f(hw[i]! - g[i]!) / scale)
          g[i] = f(hw[i]! - f(next * hq))
          e[i] = f(w[i]! - f(next * q[i]!))
        }
        const same = next === scale
        scale = next
        if (moved === 0 && same) break
      }
      rounded.scale[row] = scale
      rounded.error[row] = dot(e, 0, g, 0, width)
    }
    return rounded
  },
}
