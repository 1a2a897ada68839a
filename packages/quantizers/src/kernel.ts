import { kernelWasm } from './kernel.wasm.ts'
import { twinKernel } from './kernel-twin.ts'
import { instantiate } from './wasm.ts'

/**
 * Candidate grids for one run of numbers: entry k has scale `scale[k]` (float32) and the integers `lo[k]` to `hi[k]`,
 * relative to its zero point.
 */
export interface Candidates {
  readonly scale: Float32Array
  readonly lo: Float32Array
  readonly hi: Float32Array
}

/** Sums over the elements of x in units of the step, v = x / scale, q = round(clamp(v)), added up in float32 and float64. */
export interface Kernel {
  readonly name: 'wasm' | 'twin'
  /** Sum of (v - q)^2 for each candidate. */
  errors(x: Float32Array, candidates: Candidates): Float64Array
  /** Sums of v * q and q * q for one candidate. */
  moments(x: Float32Array, scale: number, lo: number, hi: number): readonly [number, number]
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  errors(x: number, bytes: number, params: number, count: number, out: number): void
  moments(x: number, bytes: number, params: number, out: number): void
}

// Three pages: 16384 elements, then 4096 candidates of three float32, then their 4096 sums.
const chunk = 16384
const mostCandidates = 4096
const paramsAt = 1024 + chunk * 4
const outAt = paramsAt + mostCandidates * 12

function wrapWasm(exports: Exports): Kernel {
  const { buffer } = exports.memory
  const data = new Float32Array(buffer, 1024, chunk)
  const params = new Float32Array(buffer, paramsAt, mostCandidates * 3)
  const out = new Float64Array(buffer, outAt, mostCandidates)

  /** Calls `run` with the number of bytes for each chunk of x, padded with zeros to whole vectors. */
  const eachChunk = (x: Float32Array, run: (bytes: number) => void) => {
    for (let at = 0; at < x.length; at += chunk) {
      const part = x.subarray(at, at + chunk)
      const padded = Math.ceil(part.length / 4) * 4
      data.set(part)
      data.fill(0, part.length, padded)
      run(padded * 4)
    }
  }
  const put = (k: number, scale: number, lo: number, hi: number) => {
    params[3 * k] = 1 / scale
    params[3 * k + 1] = lo
    params[3 * k + 2] = hi
  }

  return {
    name: 'wasm',
    errors(x, { scale, lo, hi }) {
      const sums = new Float64Array(scale.length)
      for (let first = 0; first < scale.length; first += mostCandidates) {
        const count = Math.min(mostCandidates, scale.length - first)
        for (let k = 0; k < count; k++) put(k, scale[first + k]!, lo[first + k]!, hi[first + k]!)
        if (count % 2) put(count, 1, 0, 0) // the kernel takes candidates in pairs
        out.fill(0, 0, count)
        eachChunk(x, (bytes) => exports.errors(1024, bytes, paramsAt, count, outAt))
        sums.set(out.subarray(0, count), first)
      }
      return sums
    },
    moments(x, scale, lo, hi) {
      put(0, scale, lo, hi)
      out.fill(0, 0, 2)
      eachChunk(x, (bytes) => exports.moments(1024, bytes, paramsAt, outAt))
      return [out[0]!, out[1]!]
    },
  }
}

let best: Kernel | undefined

/** The WASM SIMD kernel where the runtime has it, else its twin; compiled at the first call. */
export function pickKernel(name?: 'wasm' | 'twin'): Kernel {
  if (name === 'twin') return twinKernel
  if (!best) {
    const exports = instantiate<Exports>(kernelWasm)
    best = exports ? wrapWasm(exports) : twinKernel
  }
  return best
}
