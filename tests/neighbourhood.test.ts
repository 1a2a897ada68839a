// What looking around the choice of the search buys: interactions between layers, measured changes, and a loss of the user's.
import { analyze, type CoreConfig, choose, quantize, quantizeFrom, targetPlatforms } from '@mixbit/core'
import { type Tensors, toF32 } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { describe, expect, test, vi } from 'vitest'
import { agreementOf } from '../packages/core/src/neighbourhood/agreement.ts'
import {
  descend,
  type Interactions,
  keepRows,
  measureInteractions,
  ownLosses,
  predictedLoss,
  rankedChanges,
} from '../packages/core/src/neighbourhood/interactions.ts'
import { changed, type SearchSpace } from '../packages/core/src/neighbourhood/search-space.ts'
import { modelOf, numbers, tensor } from '../packages/onnx/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })
const source = modelOf(
  `graph g(%x: f32[N,8], %w1: f32[8,12], %w2: f32[12,12], %w3: f32[12,12], %w4: f32[12,5]) {
    %a: f32[N,12] = MatMul(%x, %w1) #one
    %r: f32[N,12] = Relu(%a)
    %b: f32[N,12] = MatMul(%r, %w2) #two
    %s: f32[N,12] = Relu(%b)
    %c: f32[N,12] = MatMul(%s, %w3) #three
    %t: f32[N,12] = Add(%c, %s)
    %y: f32[N,5] = MatMul(%t, %w4) #four
    return %y }`,
  { w1: [8, 12], w2: [12, 12], w3: [12, 12], w4: [12, 5] },
)
const representativeDataset = Array.from({ length: 32 }, (_, i): Tensors => new Map([['x', tensor([1, 8], i + 1)]]))
const base = {
  adapter,
  representativeDataset,
  targetPlatform: {
    ...targetPlatforms['weights-only']!,
    name: 'test',
    weights: { bits: [8, 4, 3, 2], scheme: 'symmetric' as const, perChannel: true },
  },
}
const run = (
  mixedPrecisionConfig: NonNullable<CoreConfig['mixedPrecisionConfig']>,
  more: object = {},
  weightsMemory: string | number = '11%',
) =>
  quantize(source, {
    ...base,
    targetResourceUtilization: { weightsMemory },
    coreConfig: {
      mixedPrecisionConfig,
      quantizationConfig: { weightsRounding: 'nearest', weightsBiasCorrection: false },
    },
    ...more,
  })

/** Random changes in ten dimensions as interactions. */
function randomInteractions(counts: readonly number[], seed: number): Interactions {
  const size = counts.reduce((a, b) => a + b)
  const g = numbers(size * 10, seed)
  const starts = [0]
  for (const count of counts) starts.push(starts.at(-1)! + count)
  const products = Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size]
    let sum = 0
    for (let k = 0; k < 10; k++) sum += g[i * 10 + k]! * g[j * 10 + k]!
    return sum
  })
  return { starts, products }
}
const spaceOf = (counts: readonly number[], fits: SearchSpace['fits']): SearchSpace => ({
  names: counts.map(String),
  bits: counts.map((count) => Array.from({ length: count }, (_, c) => 8 - c)),
  choiceOf: () => [],
  assignmentOf: () => ({ weights: [], activations: [] }),
  fits,
})

describe('interactions', () => {
  test('predict a change as the difference of predictions, for one row and for two', () => {
    const counts = [3, 2, 4, 3]
    const interactions = randomInteractions(counts, 5)
    const choice = [0, 1, 2, 0]
    const ranked = rankedChanges(
      interactions,
      spaceOf(counts, () => true),
      choice,
    )
    expect(ranked.length).toBe(8 + (2 * 1 + 2 * 3 + 2 * 2 + 1 * 3 + 1 * 2 + 3 * 2))
    for (const { changes, delta } of ranked)
      expect(delta).toBeCloseTo(
        predictedLoss(interactions, changed(choice, changes)) - predictedLoss(interactions, choice),
        9,
      )
  })

  test('lead to the best of all choices, or close to it, and never outside of the budget', () => {
    const counts = [3, 3, 3, 3, 3]
    let [found, best, start] = [0, 0, 0]
    for (let seed = 1; seed <= 40; seed++) {
      const interactions = randomInteractions(counts, seed)
      const fits = (choice: readonly number[]) => choice.reduce((sum, c) => sum + (2 - c), 0) <= 4
      const all = Array.from({ length: 3 ** 5 }, (_, code) =>
        counts.map((_, i) => Math.floor(code / 3 ** i) % 3),
      ).filter(fits)
      const from = [2, 2, 2, 2, 2]
      const to = descend(interactions, spaceOf(counts, fits), from)
      expect(fits(to)).toBe(true)
      found += predictedLoss(interactions, to)
      start += predictedLoss(interactions, from)
      best += Math.min(...all.map((choice) => predictedLoss(interactions, choice)))
    }
    expect(found).toBeLessThan(best + 0.1 * (start - best))
  })

  test('of some rows are those of all, and rows that are pinned do not count', () => {
    const interactions = randomInteractions([3, 2, 4], 8)
    expect(predictedLoss(keepRows(interactions, [0, 2]), [1, 3])).toBeCloseTo(
      predictedLoss(interactions, [1, -1, 3]),
      12,
    )
    expect(ownLosses(interactions)[1]![1]).toBeCloseTo(predictedLoss(interactions, [-1, 1, -1]), 12)
  })

  test('have the measured loss of every candidate alone, and survive being projected to few numbers', async () => {
    const options = { ...base, coreConfig: { mixedPrecisionConfig: { distanceWeightingMethod: 'OUTPUT' as const } } }
    const { job, measurand, scores } = await analyze(source, options)
    const exact = await measureInteractions(job, measurand)
    for (const [row, losses] of ownLosses(exact).entries())
      for (const [c, loss] of losses.entries())
        expect(Math.abs(loss - scores[row]![c]!)).toBeLessThan(2e-6 + 1e-3 * loss)
    const { mixedPrecisionConfig } = job.config
    const small = {
      ...job,
      config: { ...job.config, mixedPrecisionConfig: { ...mixedPrecisionConfig, memoryLimit: 64 * 4 * 16 } },
    }
    const projected = await measureInteractions(small, measurand)
    expect(agreementOf([...projected.products], [...exact.products]).r2).toBeGreaterThan(0.9)
  })

  test('are told in the report, change the choice within the budget, and predict better than sums', async () => {
    const plain = (await run({ distanceWeightingMethod: 'OUTPUT' })).report
    const { report } = await run({ distanceWeightingMethod: 'OUTPUT', interactions: true })
    const { predicted, measured, taken, assignments, withInteractions, summed } = report.interactions!
    expect(predicted.after).toBeLessThanOrEqual(predicted.before)
    expect(taken).toBe(measured.after < measured.before)
    expect(assignments.length).toBe(32)
    expect(withInteractions.spearman).toBeGreaterThan(0.8)
    expect(withInteractions.r2).toBeGreaterThan(summed.r2! - 0.1)
    expect(report.utilization.weightsMemory).toBeLessThanOrEqual(report.budget.weightsMemory!)
    expect(plain.interactions).toBeNull()
  })

  test('are measured once for any number of choices, and the same choice gives the same bytes', async () => {
    const coreConfig = { mixedPrecisionConfig: { interactions: true } }
    const analysis = await analyze(source, { ...base, coreConfig })
    const first = await quantizeFrom(analysis, { targetResourceUtilization: { weightsMemory: '11%' } })
    const again = await quantizeFrom(first.analysis!, { targetResourceUtilization: { weightsMemory: '11%' } })
    expect(again.artifact).toEqual(first.artifact)
    expect(again.analysis!.measured.interactions).toBe(first.analysis!.measured.interactions)
    const whole = await quantize(source, { ...base, coreConfig, targetResourceUtilization: { weightsMemory: '11%' } })
    expect(whole.artifact).toEqual(first.artifact)
    await expect(choose(analysis)).resolves.toBeDefined()
  })

  test('are refused beside a loss whose curvature nobody knows', async () => {
    await expect(run({ interactions: true, outputLossFn: () => 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('remeasure', () => {
  test('takes a change only when the measured output loss falls, within the budget, and says so', async () => {
    const start = (await run({})).report
    const { report } = await run({ remeasure: 5 })
    const { outputLoss, rounds } = report.remeasured!
    let last = outputLoss
    for (const { changes, outputLoss: now, tried } of rounds) {
      expect(tried.whole).toBeGreaterThan(0)
      if (changes.length > 0) expect(now).toBeLessThan(last)
      else expect(now).toBe(last)
      last = now
    }
    expect(last).toBeLessThan(outputLoss)
    expect(report.utilization.weightsMemory).toBeLessThanOrEqual(report.budget.weightsMemory!)
    expect(start.remeasured).toBeNull()
    const moved = rounds.flatMap(({ changes }) => changes.map(({ name }) => name))
    for (const layer of start.layers)
      if (!moved.includes(layer.node))
        expect(report.layers.find(({ node }) => node === layer.node)!.bits).toBe(layer.bits)
  })

  test('tells its progress, can be cancelled, and gives the same bytes again', async () => {
    const events: string[] = []
    const onProgress = ({ stage, message }: { stage: string; message?: string }) => events.push(`${stage} ${message}`)
    const one = await run({ remeasure: 2 }, { onProgress })
    expect(events).toContain('assignment measuring changes')
    expect((await run({ remeasure: 2 })).artifact).toEqual(one.artifact)
    const controller = new AbortController()
    const stop = ({ message }: { message?: string }) => message === 'measuring changes' && controller.abort()
    await expect(run({ remeasure: 2 }, { onProgress: stop, signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })
})

describe('a loss of the user`s own', () => {
  const squared = (float: Tensors, quantized: Tensors) => {
    const [f, q] = [toF32(float.get('y')!), toF32(quantized.get('y')!)]
    return f.reduce((sum, x, i) => sum + (x - q[i]!) ** 2, 0)
  }

  test('is what OUTPUT, BEST and the report measure', async () => {
    const loss = vi.fn(squared)
    const { report, table } = await run({ distanceWeightingMethod: 'OUTPUT', outputLossFn: loss, metricEpsilon: null })
    const [candidate] = table!.layers[0]!.candidates.slice(-1)
    const mean = candidate!.losses[0]!.reduce((a, b) => a + b) / 32
    expect(report.layers[0]!.candidates.at(-1)!.sensitivity).toBeCloseTo(mean, 6)
    const [float, quantized] = loss.mock.calls[0]!
    expect([...float.keys()]).toEqual(['y'])
    expect(quantized.get('y')!.shape).toEqual([1, 5])
    const best = await run({ distanceWeightingMethod: 'BEST', outputLossFn: (f, q) => 1000 + squared(f, q) })
    for (const { outputLoss } of best.report.weightings) expect(outputLoss).toBeGreaterThan(1000)
  })

  test('decides what remeasure takes', async () => {
    const { report } = await run({ outputLossFn: squared, remeasure: 2 })
    expect(report.remeasured!.rounds.at(-1)!.outputLoss).toBeLessThanOrEqual(report.remeasured!.outputLoss)
  })

  test('makes checkpoints its own, and what is no number is refused', async () => {
    const lines: string[] = []
    const checkpoint = { load: async () => lines, append: async (line: string) => void lines.push(line) }
    await run({}, { checkpoint })
    await expect(run({ outputLossFn: squared }, { checkpoint })).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' })
    await expect(run({ outputLossFn: () => Number.NaN })).rejects.toMatchObject({ code: 'METRIC_TYPE' })
    const broken = (float: Tensors) => toF32(float.get('z')!)[0]!
    await expect(run({ outputLossFn: broken })).rejects.toMatchObject({ code: 'METRIC_FAILED' })
    const later = (async () => 1) as unknown as () => number
    await expect(run({ outputLossFn: later })).rejects.toMatchObject({ code: 'METRIC_TYPE' })
  })
})
