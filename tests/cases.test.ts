// The numeric cases of the reference that concern several packages; the others are tested beside their code.
import { existsSync, readFileSync } from 'node:fs'
import { quantize } from '@mixbit/core'
import { foldBatchNorm, type Graph, parseGraph, printGraph, rewrite, type Tensor, toF32 } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { interestPoints, sweep } from '@mixbit/sensitivity'
import { solve } from '@mixbit/solver'
import { describe, expect, test } from 'vitest'
import { convNet, tensor } from '../packages/onnx/src/tiny-models.ts'

const file = '../shared/reference/cases.json'
const there = existsSync(file)
const cases = there ? JSON.parse(readFileSync(file, 'utf8')).cases : []
// biome-ignore lint/suspicious/noExplicitAny: the cases are of many shapes
const caseOf = (name: string): any => cases.find((one: { name: string }) => one.name === name)

const adapter = onnx({ threads: 1 })
const representativeDataset = [new Map([['x', tensor([1, 3, 8, 8], 5)]])]

describe.skipIf(!there)('the reference', () => {
  for (const kind of ['python-float', 'np-float32', 'string', 'none'])
    test(`custom-metric/${kind}`, async () => {
      const { inputs, expected } = caseOf(`custom-metric/${kind}`)
      const run = quantize(convNet(), {
        adapter,
        representativeDataset,
        targetResourceUtilization: { weightsMemory: '20%' },
        coreConfig: { mixedPrecisionConfig: { customMetricFn: () => inputs.custom_metric_return } },
      })
      if (expected.error) await expect(run).rejects.toMatchObject({ name: 'MixbitError', code: 'METRIC_TYPE' })
      else
        for (const { candidates } of (await run).report.layers)
          for (const { sensitivity } of candidates) expect(sensitivity).toBe(expected)
    })

  test('ilp/non-finite/all', async () => {
    const items = [{ id: 'n1', choices: [Number.NaN, Infinity].map((loss) => ({ loss, cost: [1] })) }]
    await expect(solve({ items, budgets: [{ name: 'weights', limit: 4 }] })).rejects.toMatchObject({
      code: 'LOSS_NOT_FINITE',
      message: expect.stringMatching(/n1.*NaN.*Infinity/),
    })
  })

  /** The weight layers of a search case as a problem. */
  const problemOf = ({ graph, candidates, target, sensitivity }: ReturnType<typeof caseOf>['inputs']) => ({
    items: Object.entries(graph.weight_elements as Record<string, number>).map(([id, elements]) => ({
      id,
      choices: candidates[id].map(({ w }: { w: number }, i: number) => ({
        loss: sensitivity?.[id][i] ?? 0,
        cost: [(elements * w) / 8],
      })),
    })),
    budgets: [{ name: 'weightsMemory', limit: target.weights_memory }],
  })

  test('search/weights/254', async () => {
    const { inputs, expected } = caseOf('search/weights/254')
    const { choice } = await solve(problemOf(inputs))
    expect(choice).toEqual([expected.n3, expected.n4])
  })

  test('ru/weights/min-config', async () => {
    const { inputs, expected } = caseOf('ru/weights/min-config')
    const { items, budgets } = problemOf(inputs)
    const answer = await solve({ items, budgets: [{ ...budgets[0]!, limit: 1 }] })
    expect([answer.status, answer.smallest]).toEqual(['infeasible', [expected.min_weights_bytes]])
    const least = items.map(({ choices }) => Math.min(...choices.map(({ cost }: { cost: number[] }) => cost[0]!)))
    const rows = items.flatMap(({ choices }, i) => choices.map(({ cost }: { cost: number[] }) => cost[0]! - least[i]!))
    expect(rows).toEqual(expected.relative_ru_rows_bytes)
  })

  test('bn-fold/conv', () => {
    const { inputs, expected } = caseOf('bn-fold/conv')
    const list = (values: number[] | number[][]) => values.flat().join(', ')
    const graph = parseGraph(`graph g(%x: f32[1,4,2,2]) {
      %w: f32[2,4,1,1] = constant(${list(inputs.kernel_out_in)})
      %b: f32[2] = constant(${list(inputs.bias)})
      %gamma: f32[2] = constant(${list(inputs.gamma)})
      %beta: f32[2] = constant(${list(inputs.beta)})
      %mean: f32[2] = constant(${list(inputs.mean)})
      %var: f32[2] = constant(${list(inputs.var)})
      %a: f32[1,2,2,2] = Conv(%x, %w, %b)
      %y: f32[1,2,2,2] = BatchNormalization(%a, %gamma, %beta, %mean, %var) {epsilon=${inputs.eps}f}
      return %y
    }`)
    const folded = rewrite(graph, [foldBatchNorm])
    expect(folded.nodes.length, printGraph(folded)).toBe(1)
    const [, weight, bias] = folded.nodes[0]!.inputs.map((id) => folded.values.get(id!)!.tensor as Tensor)
    const close = (actual: Tensor, wanted: number[]) => {
      expect(actual.data.length).toBe(wanted.length)
      for (const [i, x] of wanted.entries()) expect(toF32(actual)[i]).toBeCloseTo(x, 6)
    }
    close(weight!, expected.kernel.flat())
    close(bias!, expected.bias)
  })

  test('distance/by-layer-type', () => {
    const { expected } = caseOf('distance/by-layer-type')
    const kinds = {
      conv: 'conv',
      depthwise_conv: 'depthwiseConv',
      conv_transpose: 'convTranspose',
      dense_linear: 'dense',
      sigmoid: 'sigmoid',
      softmax: 'softmax',
      add: 'add',
      concat: 'concat',
      stack: 'stack',
    }
    for (const [name, kind] of Object.entries(kinds)) {
      const graph = parseGraph(
        `graph g(%x: f32[1,4], %v: f32[1,4]) { %a: f32[1,4] = ${kind} Any(%x, %v) %y: f32[1,4] = elementwise Neg(%a) return %y }`,
      )
      expect([name, interestPoints(graph, {}).points[0]?.distance]).toEqual([name, expected[name].split(' ')[0]])
    }
  })

  test('property/float-reference', async () => {
    const { expected, tolerance } = caseOf('property/float-reference')
    const graph: Graph = await adapter.read(convNet())
    const layers = graph.nodes.flatMap((node) =>
      node.weights.map(({ input }) => {
        const weight = node.inputs[input]!
        const same = () => new Map([[weight, graph.values.get(weight)!.tensor!]])
        return { node: node.id, values: [weight], candidates: [{ label: 'same', bits: 8, quantized: same }] }
      }),
    )
    const table = await sweep({ adapter, graph, layers, samples: representativeDataset })
    expect(table.layers.length).toBe(4)
    for (const { candidates } of table.layers)
      for (const { points, outputs, losses } of candidates)
        for (const distance of [...points, ...outputs, ...losses].flat())
          expect(Math.abs(distance - expected.value)).toBeLessThanOrEqual(tolerance)
  })
})
