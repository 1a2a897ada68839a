// The main job in stages: one analysis, then any budget and weighting from it, with the bytes of the job in one piece.
import {
  analyze,
  type ChoiceRequest,
  choose,
  frontierOf,
  measureHessian,
  quantize,
  quantizeFrom,
  runRecord,
} from '@mixbit/core'
import type { MixbitError, Tensors } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { beforeAll, describe, expect, test } from 'vitest'
import { convNet, tensor } from '../packages/onnx/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })
const model = convNet()
const representativeDataset = Array.from(
  { length: 8 },
  (_, i): Tensors => new Map([['x', tensor([1, 3, 8, 8], 1 + i)]]),
)
const options = { adapter, representativeDataset, targetPlatform: 'onnxruntime-cpu' }
const failure = async (run: () => unknown): Promise<MixbitError> => {
  try {
    await run()
  } catch (error) {
    return error as MixbitError
  }
  throw new Error('nothing was thrown')
}

describe('an analysis', () => {
  let analysis: Awaited<ReturnType<typeof analyze<Uint8Array, Uint8Array>>>
  beforeAll(async () => {
    const resources = ['weightsMemory', 'activationMemory', 'bops'] as const
    analysis = await analyze(model, { ...options, resources, coreConfig: { mixedPrecisionConfig: { numOfImages } } })
  })

  // Its default depends on the weighting, which the analysis does not know yet.
  const numOfImages = 8
  const inOnePiece = ({ targetResourceUtilization, ...method }: ChoiceRequest) =>
    quantize(model, {
      ...options,
      targetResourceUtilization,
      coreConfig: { mixedPrecisionConfig: { numOfImages, ...method } },
    })

  test.each([
    [{ targetResourceUtilization: { weightsMemory: '12%' } }],
    [{ targetResourceUtilization: { weightsMemory: '20%' }, distanceWeightingMethod: 'LAST_LAYER' }],
    [{ targetResourceUtilization: { fileSize: 2600 }, distanceWeightingMethod: 'OUTPUT' }],
    [{ targetResourceUtilization: { weightsMemory: '12%' }, distanceWeightingMethod: 'HESSIAN' }],
    [{ targetResourceUtilization: { weightsMemory: '12%' }, distanceWeightingMethod: 'BEST' }],
    [
      {
        targetResourceUtilization: { weightsMemory: '12%' },
        distanceWeightingMethod: 'EXP',
        expDistanceWeightingSigma: 0.5,
      },
    ],
    [{ targetResourceUtilization: { activationMemory: 8500 } }],
    [{ targetResourceUtilization: { bops: '3%' } }],
    [{}],
  ] satisfies [ChoiceRequest][])('gives for %o the bytes and the report of the job in one piece', async (request) => {
    const [whole, staged] = [await inOnePiece(request), await quantizeFrom(analysis, request)]
    expect(Buffer.from(staged.artifact!).equals(Buffer.from(whole.artifact!))).toBe(true)
    const { timings: _, utilization, ...report } = whole.report
    expect(staged.report).toMatchObject(report)
    // The analysis knows more: it was made for other budgets too.
    for (const [resource, value] of Object.entries(utilization))
      if (value !== null) expect(staged.report.utilization, resource).toMatchObject({ [resource]: value })
  })

  test('predicts what is chosen then', async () => {
    const ready = await measureHessian(analysis)
    for (const distanceWeightingMethod of ['AVG', 'LAST_LAYER', 'EXP', 'HESSIAN', 'OUTPUT'] as const) {
      const request = { targetResourceUtilization: { weightsMemory: '11%' }, distanceWeightingMethod }
      const choice = await choose(ready, request)
      const { report } = await quantizeFrom(ready, request)
      expect(choice.bits).toEqual(report.layers.map(({ bits }) => bits))
      expect(choice.activationBits).toEqual(report.activations.map(({ bits }) => bits))
      expect(choice.sensitivity).toBe(report.solver!.objective)
      expect(choice.utilization.weightsMemory).toBe(report.utilization.weightsMemory)
      expect(choice.utilization.fileSize).toBe(report.predictedBytes)
      expect(choice.outputLayers).toEqual(report.outputLayers)
    }
  })

  test('has a frontier per weighting, on which every budget of exactly a point lies', async () => {
    for (const distanceWeightingMethod of ['AVG', 'LAST_LAYER'] as const)
      for (const point of frontierOf(analysis, { distanceWeightingMethod })) {
        const targetResourceUtilization = { weightsMemory: point.weightsMemory }
        const choice = await choose(analysis, { targetResourceUtilization, distanceWeightingMethod })
        expect(choice.sensitivity).toBeCloseTo(point.sensitivity, 12)
      }
  })

  test('says what was not measured', async () => {
    const weightsOnly = await analyze(model, options)
    const hessian = { targetResourceUtilization: { weightsMemory: '12%' }, distanceWeightingMethod: 'HESSIAN' } as const
    for (const [code, run] of [
      ['HESSIAN_NOT_MEASURED', () => choose(weightsOnly, hessian)],
      ['RESOURCE_NOT_ANALYZED', () => choose(weightsOnly, { targetResourceUtilization: { activationMemory: '50%' } })],
      ['RESOURCE_NOT_ANALYZED', () => quantizeFrom(weightsOnly, { targetResourceUtilization: { bops: '5%' } })],
      ['OPTION_INVALID', () => choose(weightsOnly, { distanceWeightingMethod: 'BEST' })],
      ['CONFIG_INVALID', () => choose(weightsOnly, { distanceWeightingMethod: 'LAST' as never })],
      ['BUDGET_INFEASIBLE', () => choose(weightsOnly, { targetResourceUtilization: { weightsMemory: 10 } })],
    ] as const)
      expect(await failure(run)).toMatchObject({ code, hint: expect.any(String) })
  })

  test('is cancelled by the signal of the request', async () => {
    const signal = AbortSignal.abort()
    const request = { targetResourceUtilization: { weightsMemory: '12%' }, signal }
    expect((await failure(() => quantizeFrom(analysis, request))).code).toBe('ABORTED')
  })

  test('and its result are written down as plain data, network, distances, grids and outputs', async () => {
    const quantized = await quantizeFrom(analysis, { targetResourceUtilization: { weightsMemory: '12%' } })
    const record = await runRecord(quantized)
    expect(JSON.parse(JSON.stringify(record))).toEqual(record)
    const { layers } = quantized.report
    expect(record.network.filter(({ layer }) => layer !== null).map(({ id }) => id)).toEqual(
      layers.map(({ node }) => node),
    )
    for (const { id, shape, inputs } of record.network) {
      expect(shape, id).not.toBeNull()
      for (const input of inputs) expect(record.network.map((node) => node.id)).toContain(input)
    }
    expect(record.sensitivity!.rows.map(({ node }) => node)).toEqual(layers.map(({ node }) => node))
    for (const [i, { shape, candidates, bits }] of layers.entries()) {
      const { counts } = record.weightHistograms[i]!
      expect(counts.reduce((a, b) => a + b)).toBe(shape.reduce((a, b) => a * b))
      expect(record.candidateGrids[i]!.map((grid) => grid.bits)).toEqual(candidates.map((candidate) => candidate.bits))
      const chosen = record.candidateGrids[i]!.find((grid) => grid.bits === bits)!
      if (chosen.points) expect(Math.max(...chosen.points.map(Math.abs))).toBeCloseTo(chosen.threshold, 9)
    }
    expect(record.frontier.length).toBeGreaterThan(layers.length)
    expect(record.samples[0]!.quantized).toHaveLength(record.samples[0]!.float.length)
  })

  test('of a bypassed job cannot be written down', async () => {
    const bypassed = await quantize(model, { ...options, coreConfig: { debugConfig: { bypass: true } } })
    expect(await failure(() => runRecord(bypassed))).toMatchObject({ code: 'RUN_WITHOUT_ANALYSIS' })
  })
})
