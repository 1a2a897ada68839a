import type { Levels } from './levels.ts'
import { clearLower, mirror, paddedWidth } from './padded.ts'
import { reconstructWasm } from './reconstruct.wasm.ts'
import { twinReconstruct } from './reconstruct-twin.ts'
import { instantiate } from './wasm.ts'

/** A least-squares problem: H (symmetric) and R with H = R^T R, both [columns, width]. */
export interface Factored {
  readonly columns: number
  /** `columns` rounded up to a multiple of eight; what was added is zero. */
  readonly width: number
  readonly h: Float32Array
  readonly r: Float32Array
}

/** How rows are rounded. */
export interface RoundingRule extends Levels {
  /** Most turns of coordinate descent; the scale is fitted again after each when `refit`. */
  readonly sweeps: number
  /** Most turns after these in which two columns move at once; each costs columns squared. */
  readonly pairs: number
  readonly refit: boolean
}

/** A row w on levels: its errors are e = w - q * scale. All lists have the width of the problem. */
export interface RoundedRow {
  readonly q: Float32Array
  readonly e: Float32Array
  /** H e. */
  readonly g: Float32Array
  readonly scale: number
  /** e^T H e. */
  readonly error: number
}

/** Rounds a row w, given H w and the scale to start with. Lost when its kernel does something else. */
export type RowRounder = (w: Float32Array, hw: Float32Array, scale: number) => RoundedRow

/** Linear algebra of the reconstruction, in float32; rows are padded with zeros to a width that is a multiple of eight. */
export interface ReconstructKernel {
  readonly name: 'wasm' | 'twin'
  /** X^T Y, [width, outWidth]; without Y: X^T X. */
  product(x: Float32Array, width: number, y?: Float32Array, outWidth?: number): Float32Array
  /** R of H = R^T R, zero below the diagonal; null where H is not positive definite. */
  cholesky(h: Float32Array, columns: number, width: number): Float32Array | null
  /** x of H x = b, for every row b. */
  solve(problem: Factored, b: Float32Array): Float32Array
  /** For each scale, the sum of d (w - scale * nearest level)^2. */
  scaleErrors(w: Float32Array, d: Float32Array, levels: Levels, scales: Float32Array): Float64Array
  rounder(problem: Factored, rule: RoundingRule): RowRounder
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  product(x: number, y: number, rows: number, width: number, outWidth: number, upper: number, out: number): void
  cholesky(h: number, columns: number, width: number): number
  solve(r: number, columns: number, width: number, b: number, rows: number): void
  scaleErrors(
    w: number,
    d: number,
    columns: number,
    levels: number,
    middles: number,
    count: number,
    scales: number,
    scaleCount: number,
    out: number,
  ): void
  roundRow(...args: number[]): void
}

function wrapWasm(exports: Exports): ReconstructKernel {
  const { memory } = exports
  /** Offsets of fresh places for arrays (given ones are copied, numbers are counts of float32), from 1 kB on. */
  const place = (...arrays: (Float32Array | number)[]): number[] => {
    let end = 1024
    const offsets = arrays.map((array) => {
      const at = end
      end += Math.ceil(((typeof array === 'number' ? array : array.length) * 4) / 16) * 16
      return at
    })
    const missing = end - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(missing / 65536))
    const floats = new Float32Array(memory.buffer)
    for (const [i, array] of arrays.entries()) {
      if (typeof array === 'number') floats.fill(0, offsets[i]! / 4, offsets[i]! / 4 + array)
      else floats.set(array, offsets[i]! / 4)
    }
    return offsets
  }
  const read = (at: number, length: number) => new Float32Array(memory.buffer.slice(at, at + 4 * length))
  return {
    name: 'wasm',
    product(x, width, y, outWidth = width) {
      const [px, out, py] = place(x, width * outWidth, y ?? 0) as [number, number, number]
      exports.product(px, y ? py : px, x.length / width, width, outWidth, y ? 0 : 1, out)
      const product = read(out, width * outWidth)
      return y ? product : mirror(product, width)
    },
    cholesky(h, columns, width) {
      const [at] = place(h) as [number]
      return exports.cholesky(at, columns, width) < 0 ? clearLower(read(at, h.length), columns, width) : null
    },
    solve({ r, columns, width }, b) {
      const [pr, pb] = place(r, b) as [number, number]
      exports.solve(pr, columns, width, pb, b.length / width)
      return read(pb, b.length)
    },
    scaleErrors(w, d, { levels, middles }, scales) {
      // Columns are taken by eights: what is added counts nothing.
      const columns = paddedWidth(w.length)
      const [pw, pd, pl, pm, ps, out] = place(columns, columns, levels, middles, scales, 2 * scales.length)
      const floats = new Float32Array(memory.buffer)
      floats.set(w, pw! / 4)
      floats.set(d, pd! / 4)
      exports.scaleErrors(pw!, pd!, columns, pl!, pm!, middles.length, ps!, scales.length, out!)
      return new Float64Array(memory.buffer.slice(out!, out! + 8 * scales.length))
    },
    rounder({ h, r, columns, width }, { levels, middles, sweeps, pairs, refit }) {
      const d = diagonal(h, columns, width)
      const places = place(h, r, d, levels, middles, width, width, width, width, width, 4 * width, 2)
      const [ph, pr, pd, pl, pm, pw, php, pe, pg, pq, ps, result] = places as [number, ...number[]] & number[]
      return (w, hw, scale) => {
        const floats = new Float32Array(memory.buffer)
        floats.set(w, pw! / 4)
        floats.set(hw, php! / 4)
        exports.roundRow(
          ph,
          pr!,
          pd!,
          columns,
          width,
          pw!,
          php!,
          pe!,
          pg!,
          pq!,
          ps!,
          pl!,
          pm!,
          middles.length,
          scale,
          sweeps,
          pairs,
          refit ? 1 : 0,
          result!,
        )
        const [fitted, error] = read(result!, 2) as unknown as [number, number]
        return { q: read(pq!, width), e: read(pe!, width), g: read(pg!, width), scale: fitted, error }
      }
    },
  }
}

/** The diagonal of H, with ones in what was added. */
const diagonal = (h: Float32Array, columns: number, width: number): Float32Array =>
  Float32Array.from({ length: width }, (_, j) => (j < columns ? h[j * width + j]! : 1))

let best: ReconstructKernel | undefined

/** The WASM SIMD kernel where the runtime has it, else its twin, which gives the same bits; compiled at the first call. */
export function pickReconstructKernel(name?: 'wasm' | 'twin'): ReconstructKernel {
  if (name === 'twin') return twinReconstruct
  if (!best) {
    const exports = instantiate<Exports>(reconstructWasm)
    best = exports ? wrapWasm(exports) : twinReconstruct
  }
  return best
}
