import { expect, test } from 'vitest'
import { biasCorrection } from './bias-correction.ts'
import { normal } from './random.fixture.ts'

/** A convolution with a kernel as large as its input, per group: weight [out, in / groups, space], x [in, space]. */
function convolve(w: Float32Array, x: Float64Array, out: number, perGroup: number, space: number, groups: number) {
  return Array.from({ length: out }, (_, o) => {
    const group = Math.floor(o / (out / groups))
    let sum = 0
    for (let i = 0; i < perGroup; i++)
      for (let s = 0; s < space; s++) sum += w[(o * perGroup + i) * space + s]! * x[group * perGroup + i]!
    return sum
  })
}

test.each([
  ['plain', 4, 6, 1],
  ['grouped', 4, 3, 2],
  ['depthwise', 6, 1, 6],
])('a %s convolution of constant channels changes by exactly the correction', (_, out, perGroup, groups) => {
  const shape = [out, perGroup, 3, 3]
  const n = out * perGroup * 9
  const [w, q] = [normal(n, 1), normal(n, 2)]
  const mean = Float64Array.from(normal(perGroup * groups, 3))
  const c = biasCorrection({ weights: w, quantized: q, shape, axis: 0, inputMean: mean, groups })
  const before = convolve(w, mean, out, perGroup, 9, groups)
  const after = convolve(q, mean, out, perGroup, 9, groups)
  c.forEach((x, o) => {
    expect(x).toBeCloseTo(after[o]! - before[o]!, 9)
  })
})

test('a dense weight gives the same with either layout', () => {
  const [w, q] = [normal(12, 1), normal(12, 2)]
  const transpose = (x: Float32Array) => Float32Array.from(x, (_, i) => x[(i % 4) * 3 + Math.floor(i / 4)]!)
  const inputMean = normal(3, 3)
  const outFirst = biasCorrection({ weights: w, quantized: q, shape: [4, 3], axis: 0, inputMean })
  const options = { weights: transpose(w), quantized: transpose(q), shape: [3, 4], axis: 1, inputMean }
  biasCorrection(options).forEach((c, o) => {
    expect(c).toBeCloseTo(outFirst[o]!, 12)
  })
})

test('a grouped transposed weight [in, out / groups] has outputs for each group', () => {
  const c = biasCorrection({
    weights: [0, 0, 0, 0],
    quantized: [1, 2, 3, 4],
    shape: [2, 2],
    axis: 1,
    inputMean: [10, 100],
    groups: 2,
  })
  expect([...c]).toEqual([10, 20, 300, 400])
})

/** [out, in / groups, space] as [space, in / groups, out]. */
const lastOut = (x: Float32Array, out: number, rows: number, space: number) =>
  Float32Array.from(
    x,
    (_, at) => x[((at % out) * rows + (Math.floor(at / out) % rows)) * space + Math.floor(at / (out * rows))]!,
  )

test.each([
  ['plain', 4, 6, 1],
  ['grouped', 4, 3, 2],
])('a %s convolution with channels last gives the same', (_, out, perGroup, groups) => {
  const [w, q] = [normal(out * perGroup * 9, 1), normal(out * perGroup * 9, 2)]
  const inputMean = normal(perGroup * groups, 3)
  const first = biasCorrection({ weights: w, quantized: q, shape: [out, perGroup, 3, 3], axis: 0, inputMean, groups })
  const [weights, quantized] = [w, q].map((x) => lastOut(x, out, perGroup, 9)) as [Float32Array, Float32Array]
  const last = biasCorrection({ weights, quantized, shape: [3, 3, perGroup, out], axis: 3, inputMean, groups })
  expect(last.map((x, o) => x - first[o]!).every((difference) => Math.abs(difference) < 1e-9)).toBe(true)
})

test('a depthwise convolution with channels last and a multiplier gives the same', () => {
  // [6 = 3 channels x 2, 1, 9] is [9, 3, 2] with channels last.
  const [w, q] = [normal(54, 1), normal(54, 2)]
  const inputMean = normal(3, 3)
  const first = biasCorrection({ weights: w, quantized: q, shape: [6, 1, 3, 3], axis: 0, inputMean, groups: 3 })
  const [weights, quantized] = [w, q].map((x) => lastOut(x, 6, 1, 9)) as [Float32Array, Float32Array]
  const last = biasCorrection({ weights, quantized, shape: [3, 3, 3, 2], axis: 2, inputMean })
  expect(last.map((x, o) => x - first[o]!).every((difference) => Math.abs(difference) < 1e-9)).toBe(true)
})

test('means that do not fit are refused', () => {
  const options = { weights: [1, 2], quantized: [1, 2], shape: [1, 2], axis: 0 }
  expect(() => biasCorrection({ ...options, inputMean: [1] })).toThrow(
    expect.objectContaining({ code: 'GROUPS_INVALID' }),
  )
  expect(() => biasCorrection({ ...options, shape: [1, 1, 2], axis: 2, inputMean: [1, 2] })).toThrow(
    expect.objectContaining({ code: 'GROUPS_INVALID' }),
  )
  expect(() => biasCorrection({ ...options, axis: 2, inputMean: [1, 2] })).toThrow(
    expect.objectContaining({ code: 'AXIS_OUT_OF_RANGE' }),
  )
})
