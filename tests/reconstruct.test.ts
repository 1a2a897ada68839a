import { withSession } from '@mixbit/adapter'
import { quantize, type TargetPlatform, targetPlatforms, type WeightsConfig } from '@mixbit/core'
import { nodeById, sizeOf, type Tensor, type Tensors, toF32 } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { describe, expect, test } from 'vitest'
import { layerRows } from '../packages/core/src/reconstruct/layer-rows.ts'
import { convNet, modelOf, numbers, tensor } from '../packages/onnx/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })

describe('the matrix form of a layer', () => {
  const conv = (attrs: string, weight: number[], input: number[], output: number[], op = 'Conv') => ({
    name: `${op} {${attrs}} of [${weight}]`,
    text: `graph g(%x: f32[${input}], %w: f32[${weight}], %b: f32[${output[1]}]) {
      %y: f32[${output}] = ${op}(%x, %w, %b) {${attrs}} #layer
      return %y }`,
    constants: { w: weight, b: [output[1]!] },
    input,
  })
  const cases = [
    conv('', [4, 3, 3, 3], [2, 3, 7, 6], [2, 4, 5, 4]),
    conv('strides=[2, 1], pads=[1, 0, 2, 1]', [4, 3, 3, 2], [1, 3, 8, 5], [1, 4, 5, 5]),
    conv('dilations=[2, 3]', [2, 3, 2, 2], [1, 3, 6, 7], [1, 2, 4, 4]),
    conv('group=2', [4, 3, 3, 3], [1, 6, 5, 5], [1, 4, 3, 3]),
    conv('group=4, pads=[1, 1, 1, 1]', [4, 1, 3, 3], [1, 4, 5, 5], [1, 4, 5, 5]),
    conv('auto_pad="SAME_UPPER", strides=[2, 2]', [2, 3, 3, 3], [1, 3, 6, 7], [1, 2, 3, 4]),
    conv('auto_pad="SAME_LOWER", strides=[2, 2]', [2, 3, 4, 4], [1, 3, 7, 8], [1, 2, 4, 4]),
    conv('pads=[2, 1]', [5, 3, 4], [1, 3, 9], [1, 5, 9]),
    conv('strides=[2, 2], pads=[1, 1, 0, 0]', [3, 4, 3, 3], [1, 3, 4, 4], [1, 4, 8, 8], 'ConvTranspose'),
    ...[0, 1].map((transB) => ({
      name: `Gemm with transB=${transB}`,
      text: `graph g(%x: f32[5,6], %w: f32[${transB ? '3,6' : '6,3'}], %b: f32[3]) {
        %y: f32[5,3] = Gemm(%x, %w, %b) {transB=${transB}} #layer
        return %y }`,
      constants: { w: transB ? [3, 6] : [6, 3], b: [3] },
      input: [5, 6],
    })),
  ]

  test.each(cases)('$name gives what the runtime gives at every position', async ({ text, constants, input }) => {
    const graph = await adapter.read(modelOf(text, constants))
    const node = nodeById(graph, 'layer')
    const rows = layerRows(graph, node)!
    const x = tensor(input, 9)
    const y = await withSession(
      adapter,
      graph,
      ['y'],
      async (session) => (await session.run(new Map([['x', x]]))).get('y')!,
    )
    const [weights, bias] = ['w', 'b'].map((id) => toF32(graph.values.get(id)!.tensor!))
    const inputs = new Float32Array(rows.groups * rows.inputs)
    expect(rows.positions(y.shape) * rows.groups * rows.outputs).toBe(sizeOf(y.shape))
    for (let position = 0; position < rows.positions(y.shape); position++) {
      rows.gather(toF32(x), { input, output: y.shape, position }, inputs, 0)
      for (let group = 0; group < rows.groups; group++)
        for (let row = 0; row < rows.outputs; row++) {
          let sum = bias![group * rows.outputs + row]!
          for (let j = 0; j < rows.inputs; j++)
            sum += weights![rows.weightIndex(group, row, j)]! * inputs[group * rows.inputs + j]!
          expect(toF32(y)[rows.outputIndex(y.shape, group, row, position)]).toBeCloseTo(sum, 4)
        }
    }
  })

  test('is refused where there is none: transposed convolutions with groups, three spatial axes, Gemm with factors', async () => {
    const refused = [
      conv('group=2', [4, 2, 3, 3], [1, 4, 4, 4], [1, 4, 6, 6], 'ConvTranspose'),
      conv('', [2, 3, 2, 2, 2], [1, 3, 4, 4, 4], [1, 2, 3, 3, 3]),
      { ...cases.at(-1)!, text: cases.at(-1)!.text.replace('transB=1', 'transB=1, alpha=0.5f') },
    ]
    for (const { text, constants } of refused) {
      const graph = await adapter.read(modelOf(text, constants))
      expect(layerRows(graph, nodeById(graph, 'layer'))).toBeNull()
    }
  })
})

const model = convNet()
const samples = (count: number, seed = 0): Tensors[] =>
  Array.from({ length: count }, (_, i) => new Map([['x', tensor([1, 3, 8, 8], seed + i + 1)]]))
const seeds = [0, 1, 2, 3, 4, 5]
const platform = (bits: readonly number[], tables: WeightsConfig['tables'] = []): TargetPlatform => ({
  ...targetPlatforms['weights-only']!,
  name: 'test',
  weights: { bits, scheme: 'symmetric', tables, perChannel: true },
})

/** The model with every layer at the platform's widest bit-width. */
const whole = (
  targetPlatform: TargetPlatform,
  weightsRounding: 'nearest' | 'errorCompensating',
  data = samples(64),
  source = model,
) =>
  quantize(source, {
    adapter,
    representativeDataset: data,
    targetPlatform,
    coreConfig: { quantizationConfig: { weightsRounding } },
  })

const sqnr = ({ report }: Awaited<ReturnType<typeof whole>>) => report.distances.toFloat[0]!.sqnr

describe('error-compensating rounding', () => {
  test.each([4, 3, 2])(
    'of %i-bit weights gives a better output than nearest rounding, and tables a better one still',
    async (bits) => {
      const means = { nearest: 0, ours: 0, tables: 0 }
      // Tables are chosen layer by layer; through the whole network one set of data may say otherwise, by a decibel.
      for (const seed of seeds) {
        const data = samples(64, 1000 * seed)
        const runs = {
          nearest: await whole(platform([bits]), 'nearest', data),
          ours: await whole(platform([bits]), 'errorCompensating', data),
          tables: await whole(platform([bits], ['midRise', 'kMeans']), 'errorCompensating', data),
        }
        for (const [name, run] of Object.entries(runs)) {
          means[name as keyof typeof means] += sqnr(run) / seeds.length
          expect(run.report.distances.toSimulation[0]!.sqnr).toBeGreaterThan(100)
        }
      }
      expect(means.ours).toBeGreaterThan(means.nearest + 2)
      expect(means.tables).toBeGreaterThan(means.ours)
    },
  )

  test('repairs with quantized activations in place, and the file still computes what was simulated', async () => {
    const target = { ...targetPlatforms['onnxruntime-cpu']!, weights: platform([3]).weights }
    const [nearest, ours] = [await whole(target, 'nearest'), await whole(target, 'errorCompensating')]
    expect(sqnr(ours)).toBeGreaterThan(sqnr(nearest) + 2)
    expect(ours.report.distances.toSimulation[0]!.sqnr).toBeGreaterThan(30)
  })

  test('gives the same bytes again, and the order of samples changes nothing but rounding', async () => {
    const target = platform([3], ['midRise', 'kMeans'])
    const [one, again, reversed] = [
      await whole(target, 'errorCompensating', samples(16)),
      await whole(target, 'errorCompensating', samples(16)),
      await whole(target, 'errorCompensating', samples(16).reverse()),
    ]
    expect(again.artifact).toEqual(one.artifact)
    expect(Math.abs(sqnr(reversed) - sqnr(one))).toBeLessThan(1)
  })

  test('finds other grids by HMSE, which counts weights by their inputs, for nearest rounding', async () => {
    // One input is a hundred times as strong as the others: the grid should serve its weights.
    const source = modelOf('graph g(%x: f32[N,16], %w: f32[16,4]) { %y: f32[N,4] = Gemm(%x, %w) #dense return %y }', {
      w: [16, 4],
    })
    const data = Array.from({ length: 32 }, (_, i) => {
      const x = tensor([1, 16], i + 1)
      ;(x.data as Float32Array)[3]! *= 100
      return new Map([['x', x]])
    })
    const run = (weightsErrorMethod: 'MSE' | 'HMSE') =>
      quantize(source, {
        adapter,
        representativeDataset: data,
        targetPlatform: platform([3]),
        coreConfig: { quantizationConfig: { weightsRounding: 'nearest', weightsErrorMethod } },
      })
    expect(sqnr(await run('HMSE'))).toBeGreaterThan(sqnr(await run('MSE')) + 3)
  })

  test('keeps to nearest rounding, and says so, where the inputs of a layer are all zero', async () => {
    const dead = modelOf(
      `graph g(%x: f32[N,4], %w: f32[4,6], %b: f32[6], %v: f32[6,3]) {
        %h: f32[N,6] = Gemm(%x, %w, %b) #first
        %z: f32[N,6] = Sub(%h, %h)
        %y: f32[N,3] = Gemm(%z, %v) #dead
        return %y }`,
      { w: [4, 6], b: [6], v: [6, 3] },
    )
    const data = Array.from({ length: 8 }, (_, i) => new Map([['x', tensor([1, 4], i)]]))
    const { report } = await whole(platform([4]), 'errorCompensating', data, dead)
    expect(report.warnings.join()).toMatch(/dead is rounded to the nearest: its inputs are all zero/)
  })

  test('serves with fewer samples than inputs, constant inputs and inputs that repeat each other', async () => {
    const constant: Tensor = { dtype: 'f32', shape: [1, 3, 8, 8], data: new Float32Array(192).fill(0.5) }
    const twins = { ...constant, data: numbers(64, 3) }
    twins.data = Float32Array.from({ length: 192 }, (_, i) => twins.data[i % 64]!)
    for (const x of [tensor([1, 3, 8, 8], 1), constant, twins])
      expect(sqnr(await whole(platform([4]), 'errorCompensating', [new Map([['x', x]])]))).toBeGreaterThan(20)
  })

  test('with a quarter as many samples as inputs is better than nearest rounding on inputs it never saw', async () => {
    const source = modelOf('graph g(%x: f32[N,128], %w: f32[128,6]) { %y: f32[N,6] = Gemm(%x, %w) #dense return %y }', {
      w: [128, 6],
    })
    // Twelve causes make all 128 inputs, with some noise.
    const mixing = numbers(12 * 128, 77)
    const input = (seed: number): Tensor => {
      const [causes, noise] = [numbers(12, seed), numbers(128, seed + 5000)]
      const data = noise.map((x, j) => causes.reduce((sum, c, k) => sum + c * mixing[k * 128 + j]!, 0.2 * x))
      return { dtype: 'f32', shape: [1, 128], data }
    }
    const seen = Array.from({ length: 32 }, (_, i) => new Map([['x', input(i + 1)]]))
    const unseen: Tensor = { dtype: 'f32', shape: [200, 128], data: new Float32Array(200 * 128) }
    for (let i = 0; i < 200; i++) (unseen.data as Float32Array).set(input(1000 + i).data as Float32Array, i * 128)
    const outputOf = async (bytes: Uint8Array) => {
      const session = await adapter.open!(bytes)
      const y = toF32((await session.run(new Map([['x', unseen]]))).get('y')!).slice()
      await session.dispose()
      return y
    }
    const float = await outputOf(source)
    const errorOf = async (rounding: 'nearest' | 'errorCompensating') => {
      const y = await outputOf((await whole(platform([3]), rounding, seen, source)).artifact!)
      return y.reduce((sum, value, i) => sum + (value - float[i]!) ** 2, 0)
    }
    expect(await errorOf('errorCompensating')).toBeLessThan(0.5 * (await errorOf('nearest')))
  })

  test('stays inside memoryLimit by looking at fewer samples', async () => {
    const small = await quantize(model, {
      adapter,
      representativeDataset: samples(64),
      targetPlatform: platform([3]),
      coreConfig: { mixedPrecisionConfig: { memoryLimit: 20_000 } },
    })
    expect(sqnr(small)).toBeGreaterThan(5)
  })

  test('takes layers of thousands of inputs in blocks, and is still better than nearest rounding', async () => {
    const source = modelOf(
      'graph g(%x: f32[N,2500], %w: f32[2500,4]) { %y: f32[N,4] = Gemm(%x, %w) #dense return %y }',
      {
        w: [2500, 4],
      },
    )
    const data = Array.from({ length: 24 }, (_, i) => {
      const x = tensor([1, 2500], i + 1)
      // Neighbours are alike, as in a flattened picture.
      for (let j = 1; j < 2500; j++) (x.data as Float32Array)[j]! += 0.9 * (x.data as Float32Array)[j - 1]!
      return new Map([['x', x]])
    })
    const [nearest, ours] = [
      await whole(platform([3]), 'nearest', data, source),
      await whole(platform([3]), 'errorCompensating', data, source),
    ]
    expect(sqnr(ours)).toBeGreaterThan(sqnr(nearest) + 3)
  })

  test('can be cancelled while layers are rounded', async () => {
    const controller = new AbortController()
    const run = quantize(model, {
      adapter,
      representativeDataset: samples(16),
      targetPlatform: platform([4]),
      signal: controller.signal,
      onProgress: ({ stage }) => stage === 'quantized' && controller.abort(),
    })
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

test('biases that are not corrected are none of what the weights have to explain', async () => {
  const source = modelOf(
    'graph g(%x: f32[N,4], %w: f32[4,3], %b: f32[3]) { %y: f32[N,3] = Gemm(%x, %w, %b) #dense  return %y }',
    { w: [4, 3], b: [3] },
  )
  // Inputs far from zero: a bias could be had from them.
  const representativeDataset = Array.from({ length: 64 }, (_, i): Tensors => {
    const x = tensor([1, 4], i + 1)
    return new Map([['x', { ...x, data: toF32(x).map((v) => v / 4 + 5) }]])
  })
  const { report } = await quantize(source, {
    adapter,
    representativeDataset,
    coreConfig: { quantizationConfig: { weightsBiasCorrection: false } },
  })
  expect(report.distances.toFloat[0]!.sqnr).toBeGreaterThan(35)
})
