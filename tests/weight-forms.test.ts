// Every kind of weight as a matrix: the products of its form are what the runtime gives, and in that form no rounding is worse
// than the nearest one.
import { withSession } from '@mixbit/adapter'
import { type Graph, type Node, nodeById, type Tensors, toF32 } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { dequantize, fakeQuantize, searchGrid } from '@mixbit/quantizers'
import { tfjs } from '@mixbit/tfjs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { faultOf, momentsObserver, seedOf } from '../packages/core/src/reconstruct/moments.ts'
import { withStates } from '../packages/core/src/reconstruct/recurrent-rows.ts'
import { type LayerProblem, layerProblem, roundLayer } from '../packages/core/src/reconstruct/round-layer.ts'
import { type WeightForm, weightForms } from '../packages/core/src/reconstruct/weight-forms.ts'
import { modelOf, tensor } from '../packages/onnx/src/tiny-models.ts'
import { recurrentLayers } from '../packages/tfjs/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })

/** A layer of every kind, by name: its graph, the shapes of its constants and its inputs. */
const kinds: Readonly<
  Record<string, { text: string; constants: Record<string, number[]>; feeds(seed: number): Tensors }>
> = {
  conv: {
    text: 'graph g(%x: f32[N,3,6,6], %w: f32[4,3,3,3], %b: f32[4]) { %y: f32[N,4,4,4] = Conv(%x, %w, %b) #layer return %y }',
    constants: { w: [4, 3, 3, 3], b: [4] },
    feeds: (seed) => new Map([['x', tensor([2, 3, 6, 6], seed)]]),
  },
  'depthwise conv': {
    text: 'graph g(%x: f32[N,4,6,6], %w: f32[4,1,3,3]) { %y: f32[N,4,4,4] = Conv(%x, %w) {group=4} #layer return %y }',
    constants: { w: [4, 1, 3, 3] },
    feeds: (seed) => new Map([['x', tensor([2, 4, 6, 6], seed)]]),
  },
  'transposed conv': {
    text: 'graph g(%x: f32[N,3,4,4], %w: f32[3,4,3,3]) { %y: f32[N,4,9,9] = ConvTranspose(%x, %w) {strides=[2, 2]} #layer return %y }',
    constants: { w: [3, 4, 3, 3] },
    feeds: (seed) => new Map([['x', tensor([1, 3, 4, 4], seed)]]),
  },
  dense: {
    text: 'graph g(%x: f32[N,7], %w: f32[7,5], %b: f32[5]) { %y: f32[N,5] = Gemm(%x, %w, %b) #layer return %y }',
    constants: { w: [7, 5], b: [5] },
    feeds: (seed) => new Map([['x', tensor([9, 7], seed)]]),
  },
  'product with a batch of matrices': {
    text: 'graph g(%x: f32[N,3,4,6], %w: f32[3,6,5]) { %y: f32[N,3,4,5] = MatMul(%x, %w) #layer return %y }',
    constants: { w: [3, 6, 5] },
    feeds: (seed) => new Map([['x', tensor([2, 3, 4, 6], seed)]]),
  },
  'product with one matrix for a batch': {
    text: 'graph g(%x: f32[8,6], %w: f32[3,6,5]) { %y: f32[3,8,5] = MatMul(%x, %w) #layer return %y }',
    constants: { w: [3, 6, 5] },
    feeds: (seed) => new Map([['x', tensor([8, 6], seed)]]),
  },
  'product from the left': {
    text: 'graph g(%x: f32[N,3,6,4], %w: f32[5,6]) { %y: f32[N,3,5,4] = MatMul(%w, %x) #layer return %y }',
    constants: { w: [5, 6] },
    feeds: (seed) => new Map([['x', tensor([2, 3, 6, 4], seed)]]),
  },
  'batch of products from the left': {
    text: 'graph g(%x: f32[N,3,6,4], %w: f32[3,5,6]) { %y: f32[N,3,5,4] = MatMul(%w, %x) #layer return %y }',
    constants: { w: [3, 5, 6] },
    feeds: (seed) => new Map([['x', tensor([2, 3, 6, 4], seed)]]),
  },
  embedding: {
    text: 'graph g(%x: i64[N,6], %w: f32[7,5]) { %y: f32[N,6,5] = Gather(%w, %x) #layer return %y }',
    constants: { w: [7, 5] },
    feeds: (seed) => {
      const ids = toF32(tensor([12], seed)).map((x) => Math.floor(x * 7))
      return new Map([['x', { dtype: 'i64', shape: [2, 6], data: BigInt64Array.from(ids, (x) => BigInt(x)) }]])
    },
  },
}
/** Those whose output is the product of their only weight, and a bias. */
const products = Object.entries(kinds).map(([name, kind]) => ({ name, ...kind }))

const recurrent = (
  op: string,
  gates: number,
  { directions = 1, attrs = '', inputs = '', outputs = '%y: f32[T,?,N,4]' } = {},
) => ({
  text: `graph g(%x: f32[T,N,3], %w: f32[?], %r: f32[?], %b: f32[?]${inputs && ', %h: f32[?]'}) {
    ${outputs.replace('?', String(directions))} = ${op}(%x, %w, %r, %b${inputs}) {hidden_size=4${attrs}} #layer
    return %y }`.replaceAll('f32[?]', 'f32[1]'),
  constants: {
    w: [directions, 4 * gates, 3],
    r: [directions, 4 * gates, 4],
    b: [directions, 8 * gates],
    ...(inputs && { h: [directions, 2, 4] }),
  },
  feeds: (seed: number): Tensors => new Map([['x', tensor([5, 2, 3], seed)]]),
})

const read = async ({ text, constants }: { text: string; constants: Record<string, number[]> }): Promise<Graph> =>
  adapter.read(modelOf(text, constants))

/** All values that the forms of a node read, for one sample. */
const look = (graph: Graph, node: Node, feeds: Tensors): Promise<Tensors> => {
  const reads = [...new Set([...weightForms(graph, node).values()].flatMap((form) => form.reads))]
  return withSession(
    adapter,
    graph,
    [...reads, ...graph.outputs],
    async (session) => new Map([...feeds, ...(await session.run(feeds))]),
  )
}

describe('the form of a weight', () => {
  test.each(products)('$name gives what the runtime gives at every position', async ({ text, constants, feeds }) => {
    const graph = await read({ text, constants })
    const node = nodeById(graph, 'layer')
    const [[input, form]] = [...weightForms(graph, node)] as [[number, WeightForm]]
    const tensors = await look(graph, node, feeds(3))
    const { rows } = form
    const place = form.see(tensors)
    const y = toF32(tensors.get('y')!)
    const weights = toF32(graph.values.get(node.inputs[input]!)!.tensor!)
    const bias = constants.b ? toF32(graph.values.get('b')!.tensor!) : null
    const x = new Float32Array(rows.groups * rows.inputs)
    const met = new Set<number>()
    for (let position = 0; position < rows.positions(place.output); position++) {
      rows.gather(toF32(place.input), { input: place.input.shape, output: place.output, position }, x, 0)
      for (let group = 0; group < rows.groups; group++)
        for (let row = 0; row < rows.outputs; row++) {
          let sum = bias?.[group * rows.outputs + row] ?? 0
          for (let j = 0; j < rows.inputs; j++)
            sum += weights[rows.weightIndex(group, row, j)]! * x[group * rows.inputs + j]!
          const index = rows.outputIndex(place.output, group, row, position)
          met.add(index)
          expect(y[index]).toBeCloseTo(sum, 4)
        }
    }
    expect(met.size).toBe(y.length)
  })

  test.each([
    ['one direction', {}],
    ['the other direction', { attrs: ', direction="reverse"' }],
    ['both directions', { directions: 2, attrs: ', direction="bidirectional"' }],
    ['a first state', { inputs: ', null, %h' }],
    ['no output of all states', { outputs: 'null, %y: f32[1,N,4]' }],
  ])('of a recurrent layer with %s: its gates make the states that the runtime makes', async (_name, options) => {
    const graph = withStates(await read(recurrent('RNN', 1, options)))
    const node = nodeById(graph, 'layer')
    const forms = weightForms(graph, node)
    const tensors = await look(graph, node, recurrent('RNN', 1).feeds(5))
    const states = toF32(tensors.get(forms.get(2)!.reads[0]!)!)
    const b = toF32(graph.values.get('b')!.tensor!)
    const { groups } = forms.get(1)!.rows
    // y(t) = tanh(W x + Wb + R h + Rb), with states of [time, directions, batch, features].
    for (let position = 0; position < 10; position++)
      for (let group = 0; group < groups; group++)
        for (let row = 0; row < 4; row++) {
          let sum = b[group * 8 + row]! + b[group * 8 + 4 + row]!
          for (const [input, { rows, see }] of forms) {
            const place = see(tensors)
            expect(rows.positions(place.output)).toBe(10)
            const x = new Float32Array(groups * rows.inputs)
            rows.gather(toF32(place.input), { input: place.input.shape, output: place.output, position }, x, 0)
            const weights = toF32(graph.values.get(node.inputs[input]!)!.tensor!)
            for (let j = 0; j < rows.inputs; j++)
              sum += weights[rows.weightIndex(group, row, j)]! * x[group * rows.inputs + j]!
          }
          const [time, sample] = [Math.floor(position / 2), position % 2]
          expect(states[((time * groups + group) * 2 + sample) * 4 + row]).toBeCloseTo(Math.tanh(sum), 4)
        }
  })

  test('of layers of Keras has the states where they are all given, and else the input alone', async () => {
    const graph = await tfjs().read(await recurrentLayers())
    const found = graph.nodes
      .filter(({ kind }) => kind === 'recurrent')
      .map((node) => [node.op, weightForms(graph, node).size, node.recurrence?.states ?? null])
    expect(found).toMatchInlineSnapshot(`
      [
        [
          "GRU",
          2,
          0,
        ],
        [
          "Bidirectional",
          0,
          null,
        ],
      ]
    `)
  })

  test('there is none for products whose data is transposed or repeated in an unknown way, and for sequences of several lengths', async () => {
    const refused = [
      {
        text: 'graph g(%x: f32[2,1,4,6], %w: f32[2,3,6,5]) { %y: f32[2,3,4,5] = MatMul(%x, %w) #layer return %y }',
        constants: { w: [2, 3, 6, 5] },
      },
      recurrent('GRU', 3, { inputs: ', %l' }),
    ]
    for (const [i, model] of refused.entries()) {
      const text = i === 1 ? model.text.replace('%h: f32[1]', '%l: i32[N]') : model.text
      const constants = Object.fromEntries(Object.entries(model.constants).filter(([id]) => id !== 'h')) as Record<
        string,
        number[]
      >
      const graph = await read({ text, constants })
      expect(weightForms(graph, nodeById(graph, 'layer')).size).toBe(0)
    }
  })
})

/** Sum over rows and blocks of (w - q)^T H (w - q), in float64. */
function lossOf({ layer, blocks }: LayerProblem, q: Float32Array): number {
  let sum = 0
  for (const { group, first, problem, rows } of blocks)
    for (let row = 0; row < layer.outputs; row++) {
      const e = Float64Array.from(
        { length: problem.columns },
        (_, j) => rows.weights[row * problem.width + j]! - q[layer.weightIndex(group, row, first + j)]!,
      )
      for (let i = 0; i < e.length; i++)
        for (let j = 0; j < e.length; j++) sum += e[i]! * problem.h[i * problem.width + j]! * e[j]!
    }
  return sum
}

const schemes = [
  'symmetric',
  'powerOfTwo',
  'uniform',
  'midRise',
  'kMeans',
  'ternary',
  'lutSymmetric',
  'lutPowerOfTwo',
] as const

describe('in its own layer, error-compensating rounding', () => {
  const all = {
    ...kinds,
    LSTM: recurrent('LSTM', 4),
    'GRU in both directions': recurrent('GRU', 3, { directions: 2, attrs: ', direction="bidirectional"' }),
  }
  test.each(Object.entries(all))('of %s is never worse than nearest rounding, on every grid', async (_name, kind) => {
    const graph = withStates(await read(kind))
    const node = nodeById(graph, 'layer')
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1000 }),
        fc.constantFrom(...schemes),
        fc.integer({ min: 2, max: 8 }),
        async (seed, scheme, width) => {
          const bits =
            scheme === 'ternary'
              ? 2
              : scheme.startsWith('lut') || scheme === 'kMeans' || scheme === 'midRise'
                ? Math.min(4, width)
                : width
          const samples = Array.from({ length: 4 }, (_, i) => kind.feeds(seed + i))
          for (const [input, form] of weightForms(graph, node)) {
            const { axis } = node.weights.find((weight) => weight.input === input)!
            const { shape, ...rest } = graph.values.get(node.inputs[input]!)!.tensor!
            const w = toF32({ shape, ...rest })
            const observer = momentsObserver(form.rows, samples.length, 0)
            for (const feeds of samples) {
              const place = form.see(await look(graph, node, feeds))
              observer.add(place.input, place.output, seedOf(feeds))
            }
            const moments = observer.moments()!
            expect(faultOf(moments)).toBeNull()
            const problem = layerProblem(form.rows, moments, w, false)!
            const own = scheme === 'symmetric' || scheme === 'powerOfTwo' || scheme === 'uniform'
            const nearest = own ? searchGrid({ data: w, shape, axis, bits, scheme }) : undefined
            const { grid, integers, error } = roundLayer(problem, { scheme, bits, axis, nearest })
            const ours = lossOf(problem, dequantize(integers, shape, grid))
            expect(Math.abs(ours - error)).toBeLessThan(1e-3 * error + 1e-5)
            // Tables of levels are their own: there it is nearest rounding on the same table.
            const other = lossOf(problem, fakeQuantize(w, shape, nearest ?? grid))
            expect(ours).toBeLessThanOrEqual(other * 1.002 + 1e-6)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test('sees the same in samples of any order, but for the last bits', async () => {
    for (const kind of Object.values(all)) {
      const graph = withStates(await read(kind))
      const node = nodeById(graph, 'layer')
      for (const form of weightForms(graph, node).values()) {
        const momentsOf = async (seeds: readonly number[]) => {
          const observer = momentsObserver(form.rows, seeds.length, 0)
          for (const seed of seeds) {
            const place = form.see(await look(graph, node, kind.feeds(seed)))
            observer.add(place.input, place.output, seedOf(kind.feeds(seed)))
          }
          return observer.moments()!
        }
        const [one, other] = [await momentsOf([1, 2, 3, 4]), await momentsOf([3, 1, 4, 2])]
        for (const [b, { gram }] of one.entries())
          for (let i = 0; i < gram.length; i++) expect(other[b]!.gram[i]).toBeCloseTo(gram[i]!, 5)
      }
    }
  })
})
