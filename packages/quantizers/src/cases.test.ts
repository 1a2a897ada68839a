import { existsSync, readFileSync } from 'node:fs'
import type { Grid } from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import {
  activationRange,
  biasCorrection,
  fakeQuantize,
  mergeHistograms,
  noClippingThreshold,
  powerOfTwoThreshold,
  searchGrid,
  symmetricGrid,
  uniformGrid,
  weightedHistogram,
  zScoreFilter,
} from './index.ts'

interface Case {
  readonly name: string
  readonly area: string
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs from case to case
  readonly inputs: any
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs from case to case
  readonly expected: any
  readonly tolerance: number | { mse_rel: number } | null
}
const file = new URL('../../../../shared/reference/cases.json', import.meta.url)
const found = existsSync(file)
const json: { cases: Case[]; fixtures: { W3x40: number[][] } } = found
  ? JSON.parse(readFileSync(file, 'utf8'))
  : { cases: [], fixtures: { W3x40: [] } }
const weights = json.fixtures.W3x40
const data = Float32Array.from(weights.flat())
const areas = ['quantizer', 'qparams', 'collector', 'bias_correction']

const rangeOf = (grid: Grid, c = 0): [number, number] => [
  -grid.zeroPoint[c]! * grid.scale[c]!,
  (2 ** grid.bits - 1 - grid.zeroPoint[c]!) * grid.scale[c]!,
]
/** Mean square error of each row, in float64 against the numbers of the case. */
function rowErrors(grid: Grid): number[] {
  const q = fakeQuantize(data, [3, 40], grid)
  return weights.map((row, c) => row.reduce((sum, x, i) => sum + (x - q[c * 40 + i]!) ** 2, 0) / row.length)
}
const linspace = (text: string) => {
  const [a, b, n] = text.match(/-?\d+/g)!.map(Number)
  return Array.from({ length: n! }, (_, i) => a! + ((b! - a!) * i) / (n! - 1))
}

/** The numbers that our code gives for a case, in the order of its expected numbers. */
function run({ name, inputs, expected }: Case): { ours: number[]; theirs: number[] } {
  const near = (ours: ArrayLike<number>, theirs: number[]) => ({ ours: Array.from(ours), theirs })
  if (name === 'quant/pot-threshold') return near(inputs.max_abs.map(powerOfTwoThreshold), expected)
  if (name.startsWith('quant/symmetric-grid') || name === 'quant/rounding-half-to-even') {
    const grid = symmetricGrid({ threshold: inputs.threshold, bits: inputs.n_bits, signed: inputs.signed })
    return near(fakeQuantize(Float32Array.from(inputs.x), [inputs.x.length], grid), expected)
  }
  if (name.startsWith('quant/uniform-range'))
    return near(rangeOf(uniformGrid({ ...inputs, bits: inputs.n_bits })), expected)
  if (name === 'quant/uniform-values') {
    const grid = uniformGrid({ ...inputs, bits: inputs.n_bits })
    return near(fakeQuantize(Float32Array.from(inputs.x), [inputs.x.length], grid, { ties: 'mct' }), expected)
  }
  if (name.startsWith('quant/no-clipping-max'))
    return near(
      inputs.weights.map((r: number[]) => noClippingThreshold(Math.min(...r), Math.max(...r), inputs.n_bits)),
      expected,
    )
  if (name.startsWith('zscore')) {
    const histogram = { edges: Float64Array.from(inputs.bin_edges), counts: Float64Array.from(inputs.counts) }
    return near(zScoreFilter(histogram, inputs.z_threshold).counts, expected)
  }
  if (name === 'histogram/merge') {
    const bins = inputs.n_bins
    const merged = mergeHistograms(
      inputs.batches.map((b: string) => weightedHistogram(linspace(b), undefined, bins)),
      bins,
    )
    const total = merged.counts.reduce((a, b) => a + b)
    return near([...merged.edges, ...merged.counts, total], [...expected.edges, ...expected.counts, expected.total])
  }
  if (name === 'histogram/weighted') {
    const { counts } = weightedHistogram(inputs.x, inputs.weights)
    return near([counts.reduce((a, b) => a + b)], [expected.total])
  }
  if (name === 'activation-qparams/bounded-prior') {
    const of = (scheme: 'powerOfTwo' | 'symmetric' | 'uniform') =>
      activationRange({ bits: inputs.n_bits, scheme, bounds: { min: inputs.prior_min, max: inputs.prior_max } })
    const [pot, sym, uni] = [of('powerOfTwo'), of('symmetric'), of('uniform')]
    const { POWER_OF_TWO, SYMMETRIC, UNIFORM } = expected
    return near(
      [pot.max, Number(pot.signed), sym.max, Number(sym.signed), uni.min, uni.max],
      [
        POWER_OF_TWO.threshold,
        Number(POWER_OF_TWO.signed),
        SYMMETRIC.threshold,
        Number(SYMMETRIC.signed),
        UNIFORM.min,
        UNIFORM.max,
      ],
    )
  }
  if (name === 'bias-correction/dense') {
    const shape = [inputs.weights_out_in.length, inputs.weights_out_in[0].length]
    const correction = biasCorrection({
      weights: inputs.weights_out_in.flat(),
      quantized: inputs.quantized.flat(),
      shape,
      axis: 0,
      inputMean: inputs.input_mean,
    })
    return near(
      [...correction, ...correction.map((c, i) => inputs.bias[i] - c)],
      [...expected.correction, ...expected.new_bias],
    )
  }
  if (name.startsWith('qparams/pot'))
    return near(
      searchGrid({ data, shape: [3, 40], axis: 0, bits: inputs.n_bits, scheme: 'powerOfTwo' }).scale.map(
        (s) => s * 2 ** (inputs.n_bits - 1),
      ),
      expected,
    )
  throw new Error(`No test knows case ${name}.`)
}

describe.skipIf(!found)('reference cases', () => {
  const cases = json.cases.filter((c) => areas.includes(c.area))
  const searches = cases.filter((c) => /^qparams\/(sym|uniform)/.test(c.name))

  test.each(cases.filter((c) => !searches.includes(c)))('$name gives the numbers of MCT', (c) => {
    const { ours, theirs } = run(c)
    expect(ours).toHaveLength(theirs.length)
    ours.forEach((x, i) => {
      // Grids hold float32, so a bound tighter than float32 is met relative to the number.
      const allowed = Math.max(Number(c.tolerance), Math.abs(theirs[i]!) * 2 ** -23)
      expect(Math.abs(x - theirs[i]!), `${x} for ${theirs[i]}`).toBeLessThanOrEqual(allowed)
    })
  })

  test.each(searches)('$name loses no more than the search of MCT', ({ name, inputs, expected }) => {
    const scheme = name.startsWith('qparams/sym') ? 'symmetric' : 'uniform'
    const errorMethod = inputs.error as 'MSE' | 'NOCLIPPING'
    const grid = searchGrid({ data, shape: [3, 40], axis: 0, bits: inputs.n_bits, scheme, errorMethod })
    const errors = rowErrors(grid)
    const theirs: number[] = expected.mse_at_threshold ?? expected.mse
    errors.forEach((e, c) => {
      expect(e).toBeLessThanOrEqual(theirs[c]! * (errorMethod === 'MSE' ? 1.0001 : 1.02))
    })
    if (errorMethod === 'NOCLIPPING')
      grid.scale.forEach((s, c) => {
        expect(s * 2 ** (inputs.n_bits - 1)).toBeCloseTo(expected.thresholds[c], 6)
      })
    const scan: number[] | undefined = expected.mse_exhaustive_scan_4000
    if (scan) {
      const mse = rowErrors(searchGrid({ data, shape: [3, 40], axis: 0, bits: inputs.n_bits, scheme }))
      mse.forEach((e, c) => {
        expect(e).toBeLessThanOrEqual(scan[c]! * 1.0001)
      })
    }
  })
})
