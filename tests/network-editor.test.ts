import { type CoreConfig, type EditRule, type QuantizeOptions, quantize } from '@mixbit/core'
import type { Grid, MixbitError } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { describe, expect, test } from 'vitest'
import { convNet, tensor } from '../packages/onnx/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })
const model = convNet()
const representativeDataset = [1, 2, 3].map((seed) => new Map([['x', tensor([1, 3, 8, 8], seed)]]))

type Options = Partial<QuantizeOptions<Uint8Array, Uint8Array>>
const edited = (networkEditor: readonly EditRule[], options: Options = {}, coreConfig: CoreConfig = {}) =>
  quantize(model, {
    adapter,
    representativeDataset,
    targetPlatform: 'onnxruntime-cpu',
    coreConfig: { ...coreConfig, debugConfig: { networkEditor } },
    ...options,
  })
const refused = (rules: readonly unknown[], coreConfig: CoreConfig = {}): Promise<MixbitError> =>
  edited(rules as EditRule[], {}, coreConfig).then(
    () => expect.fail('Nothing was refused.'),
    (error) => error,
  )
type Result = Awaited<ReturnType<typeof edited>>
const layer = ({ report }: Result, node: string) => report.layers.find((one) => one.node === node)!
const weightGrid = ({ graph }: Result, id: string): Grid => graph.values.get(id)!.stored!
const activationGrid = ({ graph }: Result, id: string): Grid =>
  graph.nodes.find(({ inputs, grid }) => grid && inputs[0] === id)!.grid!

test('the model under test is what the names below say', async () => {
  const { report } = await edited([])
  expect(report.layers.map(({ node, kind }) => `${node} ${kind}`)).toMatchInlineSnapshot(`
    [
      "first conv",
      "depthwise depthwiseConv",
      "up convTranspose",
      "dense dense",
    ]
  `)
  expect(report.activations.map(({ values }) => values.join(' '))).toMatchInlineSnapshot(`
    [
      "x",
      "r",
      "d",
      "s",
      "f",
    ]
  `)
})

describe('before the search', () => {
  test('candidates are those of the rule, also widths that the target does not offer', async () => {
    const result = await edited(
      [
        { filter: { name: 'first' }, actions: { weights: { bits: [5, 7] } } },
        { filter: { kind: 'dense' }, actions: { weights: { bits: [5] } } },
      ],
      { targetResourceUtilization: { weightsMemory: '15%' } },
    )
    expect(layer(result, 'first').candidates.map(({ bits }) => bits)).toEqual([7, 5])
    expect(layer(result, 'dense')).toMatchObject({ bits: 5, reason: '5 bits is its only candidate' })
    expect(layer(result, 'up').candidates.map(({ bits }) => bits)).toEqual([8, 6, 5, 4, 3, 2, 1])
    expect(result.report.distances.toFloat[0]!.sqnr).toBeGreaterThan(0)
  })

  test('grids of weights are found as the rule says', async () => {
    const result = await edited([
      { filter: { name: 'first' }, actions: { weights: { scheme: 'powerOfTwo', perChannel: false } } },
      { filter: { op: 'Gemm' }, actions: { weights: { threshold: 0.5 } } },
      {
        filter: { where: ({ kind }) => kind === 'convTranspose' },
        actions: { weights: { errorMethod: 'NOCLIPPING' } },
      },
    ])
    const plain = await edited([])
    const first = weightGrid(result, 'w1')
    expect([first.axis, first.scale.length, Number.isInteger(Math.log2(first.scale[0]!))]).toEqual([null, 1, true])
    const gemm = result.graph.nodes.find(({ op }) => op === 'Gemm')!
    const dense = weightGrid(result, gemm.inputs[1]!)
    expect(new Set(dense.scale)).toEqual(new Set([0.5 / 128]))
    expect(dense.scale.length).toBe(weightGrid(plain, gemm.inputs[1]!).scale.length)
    const up = result.graph.nodes.find(({ id }) => id === 'up')!.inputs[1]!
    expect(weightGrid(result, up).scale).not.toEqual(weightGrid(plain, up).scale)
    expect(result.report.distances.toSimulation[0]!.sqnr).toBeGreaterThan(20)
  })

  test('activations go by the node that gives them, also as the first of a fused chain, or by their value', async () => {
    const result = await edited([
      { filter: { name: 'x' }, actions: { activations: { scheme: 'symmetric', signed: true, range: [-4, 4] } } },
      { filter: { name: 'first' }, actions: { activations: { bits: [4], range: [0, 1.5] } } },
    ])
    const x = activationGrid(result, 'x')
    expect([x.signed, x.zeroPoint[0], x.scale[0]]).toEqual([true, 0, 4 / 128])
    const [behind] = result.report.activations.filter(({ bits }) => bits === 4)
    const grid = activationGrid(result, behind!.value)
    expect([grid.bits, grid.zeroPoint[0], grid.scale[0]]).toEqual([4, 0, Math.fround(1.5 / 15)])
  })

  test('later rules win field by field', async () => {
    const result = await edited([
      { filter: { kind: 'conv' }, actions: { weights: { bits: [4], scheme: 'powerOfTwo' } } },
      { filter: { name: 'f*' }, actions: { weights: { bits: [2] } } },
    ])
    expect(layer(result, 'first').bits).toBe(2)
    expect(Number.isInteger(Math.log2(weightGrid(result, 'w1').scale[0]!))).toBe(true)
  })
})

describe('after the search', () => {
  const targetResourceUtilization = { weightsMemory: '12%' }

  test('the choice of a layer is changed, and that of the others is not', async () => {
    const plain = await edited([], { targetResourceUtilization })
    const result = await edited(
      [{ filter: { name: 'dense' }, when: 'afterSearch', actions: { weights: { bits: [16] } } }],
      { targetResourceUtilization },
    )
    expect(layer(result, 'dense')).toMatchObject({
      bits: 16,
      reason: '16 bits by the network editor, after the search',
    })
    for (const node of ['first', 'depthwise', 'up']) expect(layer(result, node).bits).toBe(layer(plain, node).bits)
    expect(result.report.solver).toEqual(plain.report.solver)
    expect(result.report.warnings).toContain(
      'The network editor changed after the search: dense. Budgets were kept without these changes.',
    )
  })

  test('a file budget is kept without the changes, and the run ends', async () => {
    const plain = await edited([], { targetResourceUtilization: { fileSize: '95%' } })
    const wide = await edited([{ filter: { name: '*' }, when: 'afterSearch', actions: { weights: { bits: [16] } } }], {
      targetResourceUtilization: { fileSize: '95%' },
    })
    expect(wide.report.bytes).toBeGreaterThan(plain.report.bytes!)
    expect(wide.report.layers.every(({ bits }) => bits === 16)).toBe(true)
  })

  test('without bits the grid of the chosen width is made anew, for activations too', async () => {
    const result = await edited(
      [
        { filter: { name: 'first' }, when: 'afterSearch', actions: { weights: { threshold: 1 } } },
        { filter: { name: 'x' }, when: 'afterSearch', actions: { activations: { range: [0, 255] } } },
      ],
      { targetResourceUtilization },
    )
    const { bits } = layer(result, 'first')
    expect(new Set(weightGrid(result, 'w1').scale)).toEqual(new Set([2 ** (1 - bits)]))
    expect(activationGrid(result, 'x').scale[0]).toBe(1)
  })
})

test('bias correction is switched node by node', async () => {
  const corrected = ({ graph }: Result) =>
    [...graph.values.keys()]
      .filter((id) => id.endsWith('_bias_corrected'))
      .map((id) => id.replace('_bias_corrected', ''))
  const all = corrected(await edited([]))
  expect(all).toContain('first')
  expect(corrected(await edited([{ filter: { name: 'first' }, actions: { biasCorrection: false } }]))).toEqual(
    all.filter((node) => node !== 'first'),
  )
  const only: EditRule = { filter: { name: 'first' }, actions: { biasCorrection: true } }
  const off = { quantizationConfig: { weightsBiasCorrection: false } }
  expect(corrected(await edited([only], {}, off))).toEqual(['first'])
})

describe('rules that cannot be followed', () => {
  test('are listed all at once, with what they matched', async () => {
    const error = await refused([
      { filter: { name: 'frist' }, actions: { weights: { bits: [4] } } },
      { filter: { kind: 'reshapeLike' }, actions: { weights: { bits: [4] }, biasCorrection: false } },
      { filter: { name: 'dense' }, actions: { weights: { bits: [9] }, activations: { bits: [12] } } },
      {
        filter: {
          where: () => {
            throw new Error('no such attribute')
          },
        },
        actions: { biasCorrection: true },
      },
      { filter: { where: () => 'dense' }, actions: { biasCorrection: true } },
    ])
    expect(error.code).toBe('CONFIG_NETWORK_EDITOR')
    expect((error.context.faults as string[]).map((fault) => fault.replace(/(,| in) .*/, ''))).toMatchInlineSnapshot(`
      [
        "networkEditor.0 matches nothing",
        "networkEditor.1 changes weights",
        "networkEditor.1 changes bias correction",
        "networkEditor.2 changes activations",
        "networkEditor.2 gives weights 9 bits",
        "networkEditor.2 gives activations 12 bits",
        "networkEditor.3 has a filter that throws: no such attribute",
        "networkEditor.4 has a filter that gives dense",
      ]
    `)
  })

  test('of a wrong form are listed beside all other faults of the config', async () => {
    const error = await refused(
      [
        { filter: {}, actions: { weights: { bits: [4] } } },
        { filter: { name: 'a' }, actions: {} },
        { filter: { name: 'a' }, actions: { weights: {} } },
        { filter: { name: 'a' }, when: 'later', actions: { biasCorrection: 'no' } },
        { filter: { name: 'a' }, actions: { weights: { bits: [], threshold: -1 }, activations: { range: [2, 1] } } },
        { filter: { name: 'a' }, when: 'afterSearch', actions: { weights: { bits: [8, 4] } } },
        { filter: { nmae: 'a' }, actions: { weigths: { bits: 4 } } },
      ],
      { mixedPrecisionConfig: { numOfImages: 0 } },
    )
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.context.faults).toMatchInlineSnapshot(`
      [
        "mixedPrecisionConfig.numOfImages: Invalid value: Expected >=1 but received 0",
        "debugConfig.networkEditor.0.filter: Nothing is given.",
        "debugConfig.networkEditor.1.actions: Nothing is given.",
        "debugConfig.networkEditor.2.actions.weights: Nothing is given.",
        "debugConfig.networkEditor.3.when: Invalid type: Expected ("beforeSearch" | "afterSearch") but received "later"",
        "debugConfig.networkEditor.3.actions.biasCorrection: Invalid type: Expected boolean but received "no"",
        "debugConfig.networkEditor.4.actions.weights.bits: Invalid length: Expected >=1 but received 0",
        "debugConfig.networkEditor.4.actions.weights.threshold: Invalid value: Expected >0 but received -1",
        "debugConfig.networkEditor.4.actions.activations.range: Give the smaller number first.",
        "debugConfig.networkEditor.5: afterSearch takes one bit-width.",
        "debugConfig.networkEditor.6.filter.nmae: Invalid key: Expected never but received "nmae"",
        "debugConfig.networkEditor.6.actions.weigths: Invalid key: Expected never but received "weigths"",
      ]
    `)
  })
})
