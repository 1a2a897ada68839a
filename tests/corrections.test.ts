import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withSession } from '@mixbit/adapter'
import { type CoreConfig, quantize, targetPlatform, withWeightBits } from '@mixbit/core'
import {
  canShift,
  foldBatchNorm,
  foldConstants,
  type Graph,
  reluBoundToPowerOf2,
  rewrite,
  scalablePairs,
  scaleChannels,
  shiftActivation,
  type Tensor,
  type Tensors,
  toF32,
} from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { describe, expect, test } from 'vitest'
import { modelOf, numbers, tensor } from '../packages/onnx/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })
type Options = NonNullable<CoreConfig['quantizationConfig']>

/** SiLU as two nodes, a convolution that pads, HardSwish, a 1x1 convolution, ReLUs around a concat, and a dense layer. */
const model = (opset = 17): Uint8Array => {
  const swish =
    opset >= 14 ? '%h: f32[N,8,8,8] = HardSwish(%c) #swish' : '%h: f32[N,8,8,8] = LeakyRelu(%c) {alpha=0.01f} #swish'
  return modelOf(
    `graph net(%x: f32[N,3,8,8], %w1: f32[8,3,3,3], %b1: f32[8], %w2: f32[8,8,3,3], %w3: f32[6,8,1,1], %w4: f32[5,6,1,1], %w5: f32[11,4], %b5: f32[4]) {
      %a: f32[N,8,8,8] = Conv(%x, %w1, %b1) {pads=[1, 1, 1, 1]} #first
      %s: f32[N,8,8,8] = Sigmoid(%a)
      %m: f32[N,8,8,8] = Mul(%a, %s) #silu
      %c: f32[N,8,8,8] = Conv(%m, %w2) {pads=[1, 1, 1, 1]} #second
      ${swish}
      %d: f32[N,6,8,8] = Conv(%h, %w3) #third
      %r: f32[N,6,8,8] = Relu(%d)
      %e: f32[N,5,8,8] = Conv(%r, %w4) #fourth
      %u: f32[N,11,8,8] = Concat(%r, %e) {axis=1} #join
      %p: f32[N,11,1,1] = GlobalAveragePool(%u)
      %f: f32[N,11] = Flatten(%p)
      %l: f32[N,4] = Gemm(%f, %w5, %b5) #dense
      %y: f32[N,4] = Softmax(%l) {axis=1}
      return %y }`,
    { w1: [8, 3, 3, 3], b1: [8], w2: [8, 8, 3, 3], w3: [6, 8, 1, 1], w4: [5, 6, 1, 1], w5: [11, 4], b5: [4] },
    opset,
  )
}
/** Large inputs: the negative part of an activation is small beside its positive part. */
const samples = (count: number, seed = 1): Tensors[] =>
  Array.from({ length: count }, (_, i) => {
    const x = tensor([1, 3, 8, 8], seed + i)
    return new Map([['x', { ...x, data: toF32(x).map((v) => 3 * v) }]])
  })
const representativeDataset = samples(12)

const run = (quantizationConfig: Options, { source = model(), weights = [8], target = 'imx500', budget = {} } = {}) =>
  quantize(source, {
    adapter,
    representativeDataset,
    targetPlatform: withWeightBits(targetPlatform(target), weights),
    coreConfig: { quantizationConfig: { weightsRounding: 'nearest', ...quantizationConfig } },
    ...(Object.keys(budget).length > 0 && { targetResourceUtilization: budget }),
  })

const valuesOf = (graph: Graph, ids: readonly string[], feeds = samples(8, 50)): Promise<Tensors[]> =>
  withSession(adapter, graph, ids, async (session) => {
    const results: Tensors[] = []
    for (const feed of feeds) results.push(await session.run(feed))
    return results
  })

/** dB between what two lists of tensors hold for a value. */
function sqnr(float: readonly Tensors[], other: readonly Tensors[], id: string, otherId = id): number {
  let [signal, noise] = [0, 0]
  for (const [i, tensors] of float.entries()) {
    const b = toF32(other[i]!.get(otherId)!)
    for (const [k, x] of toF32(tensors.get(id)!).entries()) {
      signal += x * x
      noise += (x - b[k]!) ** 2
    }
  }
  return noise === 0 ? 200 : 10 * Math.log10(signal / noise)
}

const loss = async (graph: Graph) => {
  const prepared = await adapter.read(model())
  return sqnr(await valuesOf(prepared, ['l']), await valuesOf(graph, ['l']), 'l')
}

describe('shift negative correction', () => {
  test('is on by default, takes SiLU and HardSwish, and loses less than a signed grid', async () => {
    const without = await run({ shiftNegativeActivationCorrection: false })
    const shifted = await run({})
    expect(without.report.corrections).toEqual([])
    expect(shifted.report.corrections).toEqual([
      { option: 'shiftNegativeActivationCorrection', nodes: ['silu', 'swish'] },
    ])
    const gain = (await loss(shifted.graph)) - (await loss(without.graph))
    expect(gain).toBeGreaterThan(1.5)
  })

  test('gives grids without a sign and with the same threshold, none inside, and a file that computes the same', async () => {
    const { graph, report } = await run({})
    const grids = new Map(graph.nodes.flatMap((node) => (node.grid ? [[node.inputs[0], node.grid] as const] : [])))
    expect([...grids.keys()]).not.toContain('h')
    expect(grids.get('h_shifted')).toMatchObject({ bits: 8, signed: false })
    const before = (await run({ shiftNegativeActivationCorrection: false })).graph.nodes.find(
      ({ inputs, grid }) => grid && inputs[0] === 'h',
    )
    expect(grids.get('h_shifted')!.scale[0]! * 256).toBe(before!.grid!.scale[0]! * 128)
    expect(report.activations.find(({ value }) => value === 'h_shifted')!.fused).toContain('h')
    expect(report.distances.toSimulation[0]!.sqnr).toBeGreaterThan(30)
  })

  test('pads with what stands for zero, before the one quantizer of activation, shift and padding', async () => {
    const { graph, report } = await run({})
    const pad = graph.nodes.find(({ op }) => op === 'Pad')!
    const quantizer = graph.nodes.find(({ grid, inputs }) => grid && inputs[0] === pad.outputs[0])!
    expect(report.activations.find(({ value }) => value === pad.outputs[0])!.fused).toEqual(['m', 'm_shifted'])
    const shift = toF32(graph.values.get(pad.inputs[2]!)!.tensor!)[0]!
    expect(Number.isInteger(shift / quantizer.grid!.scale[0]!)).toBe(true)
  })

  test.each([
    ['a uniform grid', 'onnxruntime-cpu', {}],
    ['activations in float', 'weights-only', {}],
    ['a ratio that is never met', 'imx500', { shiftNegativeRatio: 0 }],
  ])('leaves the graph alone with %s', async (_, target, options) => {
    const { report, graph } = await run(options, { target })
    expect(report.corrections).toEqual([])
    expect(graph.nodes.some(({ op }) => op === 'Pad')).toBe(false)
  })

  test.each([{ shiftNegativeThresholdRecalculation: true }, { shiftNegativeParamsSearch: true }])(
    'with %o is about as good or better on the data it saw',
    async (options) => {
      const [plain, searched] = [await run({}), await run(options)]
      expect(searched.report.corrections).toEqual(plain.report.corrections)
      expect(await loss(searched.graph)).toBeGreaterThan((await loss(plain.graph)) - 1)
    },
  )

  test('works on a model of opset 9, where a Pad has attributes', async () => {
    const { report, artifact } = await run({}, { source: model(9) })
    expect(report.corrections[0]!.nodes).toContain('silu')
    expect(report.distances.toSimulation[0]!.sqnr).toBeGreaterThan(30)
    expect(artifact).not.toBeNull()
  })

  test('works together with a search of activations and compensating rounding', async () => {
    const budget = { activationMemory: 3000 }
    const { report } = await run({ weightsRounding: 'errorCompensating' }, { budget, weights: [8, 4, 2] })
    expect(report.corrections).toHaveLength(1)
    expect(report.utilization.activationMemory!).toBeLessThanOrEqual(report.budget.activationMemory!)
    expect(report.activations.map(({ value }) => value)).toContain('h_shifted')
  })
})

describe('second moment correction', () => {
  test('gives every layer the means and deviations of the float model, and changes no integer', async () => {
    const plain = await run({ weightsBiasCorrection: false }, { weights: [2] })
    const { graph } = await run({ weightsSecondMomentCorrection: true }, { weights: [2] })
    const ids = ['a', 'c', 'd', 'l']
    const [float, moved] = [await adapter.read(model()), graph]
    const [a, b] = [
      await valuesOf(float, ids, representativeDataset),
      await valuesOf(moved, ids, representativeDataset),
    ]
    for (const id of ids)
      for (const [c, [mean, deviation]] of momentsOf(a, id).entries()) {
        expect(momentsOf(b, id)[c]![0]).toBeCloseTo(mean, 4)
        expect(momentsOf(b, id)[c]![1]).toBeCloseTo(deviation, 4)
      }
    const levels = (of: Graph) => {
      const { tensor: weight, stored } = of.values.get('w1')!
      return toF32(weight!).map((w, i) => Math.round(w / stored!.scale[Math.floor(i / 27)]!))
    }
    expect(levels(graph)).toEqual(levels(plain.graph))
    expect(await loss(graph)).toBeGreaterThan(await loss(plain.graph))
  })

  test('the written file is what was simulated', async () => {
    const { report } = await run({ weightsSecondMomentCorrection: true }, { weights: [4], target: 'weights-only' })
    expect(report.distances.toSimulation[0]!.sqnr).toBeGreaterThan(100)
  })
})

/** Mean and deviation of every channel. */
function momentsOf(results: readonly Tensors[], id: string): [number, number][] {
  const { shape } = results[0]!.get(id)! as Tensor
  const inner = shape.slice(2).reduce((a, b) => a * b, 1)
  return Array.from({ length: shape[1]! }, (_, c) => {
    const own = results.flatMap((tensors) =>
      [...toF32(tensors.get(id)!)].filter((_, i) => Math.floor(i / inner) % shape[1]! === c),
    )
    const mean = own.reduce((sum, x) => sum + x, 0) / own.length
    return [mean, Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / own.length)]
  })
}

describe('activation bias correction', () => {
  const coarse = (options: Options) =>
    quantize(model(), {
      adapter,
      representativeDataset,
      targetPlatform: {
        ...withWeightBits(targetPlatform('imx500'), [8]),
        activations: { bits: [3], scheme: 'powerOfTwo' },
        operatorSets: targetPlatform('imx500').operatorSets.map(({ supportedInputBits: _, ...set }) => set),
      },
      coreConfig: {
        quantizationConfig: {
          weightsRounding: 'nearest',
          shiftNegativeActivationCorrection: false,
          weightsBiasCorrection: false,
          ...options,
        },
      },
    })
  const biasOf = (graph: Graph, id: string) => {
    const bias = graph.nodes.find((node) => node.id === id)!.inputs[2]
    return bias == null ? undefined : [...toF32(graph.values.get(bias)!.tensor!)]
  }

  test('takes the mean shift of what a 1x1 layer reads out of its bias, and leaves other layers alone', async () => {
    const { graph } = await coarse({ activationBiasCorrection: true })
    const plain = (await coarse({})).graph
    expect(biasOf(plain, 'third')).toBeUndefined()
    expect(biasOf(graph, 'second')).toEqual(biasOf(plain, 'second'))
    // The definition, with the layer's input in float and on its grid: -Wq E[xq - x].
    const float = await valuesOf(await adapter.read(model()), ['h'], representativeDataset)
    const { grid } = graph.nodes.find((node) => node.grid && node.inputs[0] === 'h')!
    const means = Array.from({ length: 8 }, (_, c) => {
      const own = float.flatMap((tensors) => [...toF32(tensors.get('h')!)].filter((_, i) => Math.floor(i / 64) === c))
      const step = grid!.scale[0]!
      const [low, high] = grid!.signed ? [-4, 3] : [0, 7]
      return (
        own.reduce((sum, x) => sum + Math.min(high, Math.max(low, Math.round(x / step))) * step - x, 0) / own.length
      )
    })
    const weight = toF32(graph.values.get('w3')!.tensor!)
    for (const [o, b] of biasOf(graph, 'third')!.entries())
      expect(b).toBeCloseTo(-means.reduce((sum, m, c) => sum + m * weight[o * 8 + c]!, 0), 4)
  })

  test('a threshold that no shift of a mean reaches leaves everything as it is', async () => {
    const { graph } = await coarse({ activationBiasCorrection: true, activationBiasCorrectionThreshold: 1e9 })
    expect(biasOf(graph, 'third')).toBeUndefined()
  })
})

test('channel equalization, centred logits and equal concats are told, and the model keeps its worth', async () => {
  const { report, graph } = await run({
    activationChannelEqualization: true,
    softmaxShift: true,
    concatThresholdUpdate: true,
  })
  const options = report.corrections.map(({ option }) => option)
  expect(options).toEqual(['softmaxShift', 'shiftNegativeActivationCorrection'])
  const scaleOf = (id: string) => graph.nodes.find((node) => node.grid && node.inputs[0] === id)!.grid!
  expect(scaleOf('r').scale[0]! * 2 ** (8 - +scaleOf('r').signed)).toBe(
    scaleOf('e').scale[0]! * 2 ** (8 - +scaleOf('e').signed),
  )
  const logits = (await valuesOf(graph, ['l'], representativeDataset)).flatMap((tensors) => [
    ...toF32(tensors.get('l')!),
  ])
  expect(Math.abs(Math.min(...logits) + Math.max(...logits))).toBeLessThan(0.2 * Math.max(...logits))
  expect(report.distances.toFloat[0]!.sqnr).toBeGreaterThan(20)
})

const there = existsSync('../shared/models')
const files = there
  ? readdirSync('../shared/models', { recursive: true })
      .map(String)
      .filter((path) => path.endsWith('.onnx') && !path.includes('silero') && !path.includes('dynamic'))
  : ['the shared models']

describe.skipIf(!there)('passes that must not change what a shared model computes', () => {
  const shapes: Readonly<Record<string, readonly number[]>> = {
    ppocr_cls: [1, 3, 48, 192],
    magika_v3_3: [1, 2048],
    gpt_nano_sort: [1, 11],
    charrnn_shakespeare: [1, 100],
  }
  const feedsFor = (graph: Graph, name: string): Tensors =>
    new Map(
      graph.inputs.map((id, i) => {
        const { dtype, shape } = graph.values.get(id)!
        const extents = shapes[name] ?? shape!.map((extent) => (typeof extent === 'number' ? extent : 1))
        const x = numbers(
          extents.reduce((a, b) => a * b, 1),
          i + 3,
        )
        const whole = x.map((v) => Math.floor((v + 1) * 1.49))
        const data =
          dtype === 'i64' ? BigInt64Array.from(whole, (v) => BigInt(v)) : dtype === 'i32' ? Int32Array.from(whole) : x
        return [id, { dtype, shape: extents, data } as Tensor]
      }),
    )
  const shiftAll = (graph: Graph) =>
    graph.nodes
      .filter(({ kind }) => kind === 'activation' || kind === 'mul')
      .reduce((changed, { outputs }) => {
        const id = outputs[0]!
        return canShift(changed, id) ? shiftActivation(changed, id, 0.375)!.graph : changed
      }, graph)
  const scaleAll = (graph: Graph) =>
    scalablePairs(graph).reduce(
      (changed, pair) =>
        scaleChannels(
          changed,
          pair,
          Float64Array.from({ length: pair.channels }, (_, c) => 1 / (1 + (c % 5))),
        ),
      graph,
    )

  test.each(files)('%s', async (path) => {
    const source = new Uint8Array(readFileSync(join('../shared/models', path)))
    const graph = rewrite(await adapter.read(source), [foldConstants, foldBatchNorm])
    const changed = rewrite(graph, [
      reluBoundToPowerOf2,
      { name: 'scaleAll', run: scaleAll },
      { name: 'shiftAll', run: shiftAll },
    ])
    const feeds = [feedsFor(graph, path.split('/')[0]!)]
    const outputs = graph.outputs.filter((id) => graph.values.get(id)!.dtype === 'f32')
    const [before, after] = [await valuesOf(graph, outputs, feeds), await valuesOf(changed, outputs, feeds)]
    for (const id of outputs) {
      const [a, b] = [toF32(before[0]!.get(id)!), toF32(after[0]!.get(id)!)]
      const largest = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
      const furthest = a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
      expect(furthest).toBeLessThan(1e-4 * largest + 1e-6)
    }
  })
})
