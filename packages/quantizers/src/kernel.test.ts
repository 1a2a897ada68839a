import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pickKernel } from './kernel.ts'
import { twinKernel } from './kernel-twin.ts'
import { normal } from './random.fixture.ts'
import { roundHalfEven } from './round.ts'
import { searchGrid } from './search-grid.ts'

const wasm = pickKernel()

test('the WASM kernel is there on this runtime', () => {
  expect(wasm.name).toBe('wasm')
})

test('the committed bytes are the build of the committed source', () => {
  const script = fileURLToPath(new URL('../kernel/build.mjs', import.meta.url))
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow()
})

test('kernel and twin give the same bits for any length, candidate count and size of numbers', () => {
  const scales = [2 ** -100, 1e-20, 0.01, 0.37, 1, 12.5, 1e20].map(Math.fround)
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1100 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.constantFrom(...scales),
      fc.integer({ min: 2, max: 16 }),
      fc.integer({ min: 1, max: 5 }),
      (length, seed, size, bits, count) => {
        const x = normal(length, seed).map((v) => v * size)
        const scale = Float32Array.from({ length: count }, (_, k) => Math.fround((size * (k + 1)) / 2 ** bits))
        const candidates = {
          scale,
          lo: new Float32Array(count).fill(-(2 ** (bits - 1))),
          hi: new Float32Array(count).fill(2 ** (bits - 1) - 1),
        }
        expect(wasm.errors(x, candidates)).toEqual(twinKernel.errors(x, candidates))
        expect(wasm.moments(x, scale[0]!, -4, 3)).toEqual(twinKernel.moments(x, scale[0]!, -4, 3))
      },
    ),
    { numRuns: 200 },
  )
})

test('runs longer than the memory of the kernel give the same bits', () => {
  const x = normal(16384 * 2 + 777, 5)
  const candidates = {
    scale: Float32Array.of(0.1, 0.2, 0.4),
    lo: Float32Array.of(-8, 0, -2),
    hi: Float32Array.of(7, 15, 1),
  }
  expect(wasm.errors(x, candidates)).toEqual(twinKernel.errors(x, candidates))
  expect(wasm.moments(x, 0.1, -8, 7)).toEqual(twinKernel.moments(x, 0.1, -8, 7))
})

test('the sums agree with plain float64 arithmetic to float32 precision', () => {
  const x = normal(5000, 9)
  const [scale, lo, hi] = [0.25, -8, 7]
  let sum = 0
  for (const v of x) sum += (v / scale - Math.min(hi, Math.max(lo, roundHalfEven(v / scale)))) ** 2
  const [ours] = wasm.errors(x, { scale: Float32Array.of(scale), lo: Float32Array.of(lo), hi: Float32Array.of(hi) })
  expect(Math.abs(ours! - sum) / sum).toBeLessThan(1e-6)
})

test('searches with kernel and twin choose identical grids', () => {
  for (const scheme of ['symmetric', 'uniform', 'powerOfTwo'] as const)
    for (const bits of [2, 3, 4, 8]) {
      const options = { data: normal(6 * 50 * 9, bits), shape: [6, 50, 3, 3], axis: 0, bits, scheme }
      expect(searchGrid({ ...options, kernel: 'wasm' })).toEqual(searchGrid({ ...options, kernel: 'twin' }))
    }
})
