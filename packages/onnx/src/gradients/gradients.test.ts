import { withSession } from '@mixbit/adapter'
import { cut, type Graph, sizeOf, type Tensor, type Tensors, type ValueId } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { onnx } from '../adapter.ts'
import { modelOf, numbers } from '../tiny-models.ts'

const adapter = onnx({ threads: 1 })

const f32 = (shape: readonly number[], data: Float32Array): Tensor => ({ dtype: 'f32', shape, data })
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

/** Inputs, with half of them negative, that keep away from the kinks at 0. */
function feedsFor(graph: Graph, seed: number): Tensors {
  return new Map(
    graph.inputs.map((id, i) => {
      const shape = graph.values.get(id)!.shape as number[]
      return [
        id,
        f32(
          shape,
          numbers(sizeOf(shape), seed + i).map((x) => x + Math.sign(x) * 0.1),
        ),
      ]
    }),
  )
}

/** What the gradients of sum(y * seed) by some values are, and what finite differences say along one direction. */
async function compared(graph: Graph, values: readonly ValueId[]) {
  const feeds = feedsFor(graph, 11)
  const floats = await withSession(adapter, graph, [...values, ...graph.outputs], (session) => session.run(feeds))
  const of = graph.outputs.map((value) => ({ value, seed: `${value} seed` }))
  const seeds = new Map(
    graph.outputs.map((id, i) => {
      const { shape } = floats.get(id)!
      return [id, f32(shape, numbers(sizeOf(shape), 90 + i))]
    }),
  )
  const session = await adapter.gradients!(graph, of, values, feeds)
  const gradients = await session.run(
    new Map([...feeds, ...of.map(({ value, seed }) => [seed, seeds.get(value)!] as const)]),
  )
  await session.dispose()
  const found = new Map<ValueId, { gradient: number; difference: number; size: number; shape: readonly number[] }>()
  for (const [id, { data, shape }] of gradients) {
    const gradient = data as Float32Array
    const { suffix } = cut(graph, [id])
    const direction = numbers(gradient.length, 31)
    const sum = (step: number) =>
      withSession(adapter, suffix, suffix.outputs, async (rest) => {
        const at = floats.get(id)!.data as Float32Array
        const crossing = await crossingValues(graph, suffix, feeds)
        crossing.set(
          id,
          f32(
            shape,
            at.map((x, i) => x + step * direction[i]!),
          ),
        )
        const results = await rest.run(crossing)
        return suffix.outputs.reduce(
          (total, y) => total + dot(results.get(y)!.data as Float32Array, seeds.get(y)!.data as Float32Array),
          0,
        )
      })
    const step = 2 ** -11
    found.set(id, {
      gradient: dot(gradient, direction),
      difference: ((await sum(step)) - (await sum(-step))) / (2 * step),
      size: Math.sqrt(dot(gradient, gradient) * dot(direction, direction)),
      shape,
    })
  }
  return { found, floats }
}

async function crossingValues(graph: Graph, suffix: Graph, feeds: Tensors): Promise<Map<ValueId, Tensor>> {
  const made = suffix.inputs.filter((id) => !graph.inputs.includes(id))
  const values = made.length > 0 ? await withSession(adapter, graph, made, (session) => session.run(feeds)) : new Map()
  return new Map(suffix.inputs.map((id) => [id, values.get(id) ?? feeds.get(id)!]))
}

const constants = {
  w: [6, 4, 3, 3],
  wg: [8, 2, 3, 2],
  wd: [4, 1, 3, 3],
  wt: [4, 5, 3, 3],
  m: [6, 5],
  mt: [5, 6],
  b: [5],
  batch: [2, 6, 3],
  side: [4, 1, 1],
}

/** x: [2,4,6,6], positive where `p`; a: [4,6]; three: [2,3,6]. */
const operators: Readonly<Record<string, readonly [text: string, opset?: number]>> = {
  'a convolution': ['Conv(%x, %w)'],
  'a padded convolution': ['Conv(%x, %w) {pads=[1, 2, 1, 0]}'],
  'a convolution with more pads than its window': ['Conv(%x, %w) {pads=[3, 3, 3, 3]}'],
  'a strided convolution whose last pixels nobody sees': ['Conv(%x, %w) {strides=[2, 2]}'],
  'a strided, dilated convolution with pads': ['Conv(%x, %w) {strides=[3, 2], dilations=[2, 1], pads=[1, 0, 2, 1]}'],
  'a convolution in groups': ['Conv(%x, %wg) {group=2, pads=[1, 1, 1, 0]}'],
  'a depthwise convolution': ['Conv(%x, %wd) {group=4, pads=[1, 1, 1, 1]}'],
  'a strided depthwise convolution': ['Conv(%x, %wd) {group=4, strides=[2, 2], pads=[1, 1, 1, 1]}'],
  'automatic pads': ['Conv(%x, %w) {auto_pad="SAME_UPPER", strides=[2, 2]}'],
  'automatic pads, the lower way': ['Conv(%x, %w) {auto_pad="SAME_LOWER"}'],
  'a transposed convolution': ['ConvTranspose(%x, %wt) {strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]}'],
  'a maximum over windows that overlap': ['MaxPool(%x) {kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0]}'],
  'a mean over windows': ['AveragePool(%x) {kernel_shape=[2, 3], strides=[2, 1]}'],
  'a mean without its pads': ['AveragePool(%x) {kernel_shape=[3, 3], pads=[1, 1, 1, 1]}'],
  'a mean with its pads': ['AveragePool(%x) {kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1}'],
  'a global mean': ['GlobalAveragePool(%x)'],
  'a global maximum': ['GlobalMaxPool(%x)'],
  'a dense layer': ['Gemm(%a, %m, %b)'],
  'a dense layer with a factor, transposed': ['Gemm(%a, %mt, %b) {transB=1, alpha=0.5f}'],
  'a matrix product': ['MatMul(%three, %m)'],
  'a product of stacks': ['MatMul(%three, %batch)'],
  'a product with values on both sides': ['MatMul(%three, %turned)'],
  'a sum that is broadcast': ['Add(%mean, %x)'],
  'a difference': ['Sub(%side, %x)'],
  'a product with what it is made of': ['Mul(%x, %mean)'],
  'a quotient': ['Div(%x, %p)'],
  ReLU: ['Relu(%x)'],
  'a limit on both sides': ['Clip(%x, %low, %high)'],
  'a limit by attributes': ['Clip(%x) {min=-0.5f, max=0.6f}', 9],
  'a greatest of two': ['Max(%low, %x)'],
  exponentials: ['Exp(%x)'],
  logarithms: ['Log(%p)'],
  roots: ['Sqrt(%p)'],
  reciprocals: ['Reciprocal(%p)'],
  negation: ['Neg(%x)'],
  powers: ['Pow(%p, %high)'],
  tanh: ['Tanh(%x)'],
  sigmoid: ['Sigmoid(%x)'],
  'error functions': ['Erf(%x)'],
  'a hard swish': ['HardSwish(%x)'],
  'a leaky ReLU': ['LeakyRelu(%x) {alpha=0.2f}'],
  softmax: ['Softmax(%x) {axis=1}'],
  'softmax of old': ['Softmax(%x) {axis=2}', 9],
  'layer normalization': ['LayerNormalization(%three, %scale) {axis=-1}'],
  'batch normalization': ['BatchNormalization(%x, %four, %four, %four, %four)'],
  'a mean over axes that stay': ['ReduceMean(%x) {axes=[1, 3]}', 13],
  'a mean over axes that go': ['ReduceMean(%x) {axes=[2], keepdims=0}', 13],
  'a sum over axes': ['ReduceSum(%x, %axes) {keepdims=0}'],
  'a sum over everything': ['ReduceSum(%x) {keepdims=0}'],
  'a maximum over axes': ['ReduceMax(%x) {axes=[-1], keepdims=0}', 13],
  'another shape': ['Flatten(%x)'],
  'other axes': ['Transpose(%x) {perm=[2, 0, 3, 1]}'],
  'axes the other way round': ['Transpose(%x)'],
  'every second one, backwards': ['Slice(%x, %starts, %ends, %axes, %steps)'],
  'slices of old': ['Slice(%x) {starts=[1, 0], ends=[3, 4], axes=[1, 2]}', 9],
  'zeros around it': ['Pad(%x, %pads)'],
  'other numbers around it': ['Pad(%x, %pads, %two)'],
  'depth to space': ['DepthToSpace(%x) {blocksize=2}'],
  'some of them twice': ['Gather(%x, %places) {axis=2}'],
  'a broadcast': ['Expand(%mean, %wide)'],
  'several, one behind the other': ['Concat(%x, %p, %x) {axis=1}'],
}

const modelWith = (operator: string, opset = 17) =>
  modelOf(
    `graph one(%in: f32[2,4,6,6], %in2: f32[4,6], %in3: f32[2,3,6]) {
      %low: f32[] = constant(-0.5)
      %high: f32[] = constant(0.6)
      %one: f32[] = constant(1)
      %two: f32[] = constant(2)
      %four: f32[4] = constant(0.5, 0.75, 1, 1.25)
      %scale: f32[6] = constant(0.5, 0.75, 1, 1.25, -1, 2)
      %axes: i64[2] = constant(1, 3)
      %starts: i64[2] = constant(0, 5)
      %ends: i64[2] = constant(4, -9)
      %steps: i64[2] = constant(2, -2)
      %pads: i64[8] = constant(0, 1, 0, 2, 0, 0, -1, 1)
      %places: i64[2,2] = constant(1, 5, 1, 0)
      %wide: i64[4] = constant(2, 4, 3, 5)
      %x: f32[2,4,6,6] = Mul(%in, %one)
      %a: f32[4,6] = Mul(%in2, %one)
      %three: f32[2,3,6] = Mul(%in3, %one)
      %q: f32[2,4,6,6] = Abs(%x)
      %p: f32[2,4,6,6] = Add(%q, %one)
      %mean: f32[2,4,1,1] = GlobalAveragePool(%x)
      %turned: f32[2,6,3] = Transpose(%three) {perm=[0, 2, 1]}
      %y: f32 = ${operator}
      return %y
    }`,
    constants,
    opset,
  )

test.each(Object.entries(operators))(
  'the gradient through %s is that of finite differences',
  async (_, [operator, opset]) => {
    const graph = await adapter.read(modelWith(operator, opset))
    const [near] = ['p', 'mean', 'x', 'a', 'three'].filter((id) => new RegExp(`%${id}\\b`).test(operator))
    const { found, floats } = await compared(graph, [near!])
    const { gradient, difference, size, shape } = found.get(near!)!
    expect(shape).toEqual(floats.get(near!)!.shape)
    expect(size).toBeGreaterThan(0)
    expect(Math.abs(gradient - difference)).toBeLessThan(2e-3 * size)
  },
)

test('a value that several nodes read has the sum of their gradients, and parts of a split come together again', async () => {
  const source = modelOf(
    `graph net(%in: f32[2,6]) {
      %two: f32[] = constant(2)
      %sizes: i64[3] = constant(1, 2, 3)
      %v: f32[2,6] = Mul(%in, %two)
      %s1: f32[2,1], %s2: f32[2,2], %s3: f32[2,3] = Split(%v, %sizes) {axis=1}
      %t: f32[2,3] = Tanh(%s3)
      %c: f32[2,4] = Concat(%t, %s1) {axis=1}
      %e: f32[2,6] = Exp(%v)
      %d: f32[2,6] = Sub(%e, %v)
      return %c, %d
    }`,
    {},
  )
  const { found } = await compared(await adapter.read(source), ['v'])
  const { gradient, difference, size } = found.get('v')!
  expect(Math.abs(gradient - difference)).toBeLessThan(2e-3 * size)
})

test('values before an operator without a rule have no gradient, and those behind it have theirs', async () => {
  const source = modelOf(
    `graph net(%in: f32[2,6]) {
      %two: f32[] = constant(2)
      %k: i64[1] = constant(3)
      %before: f32[2,6] = Mul(%in, %two)
      %aside: f32[2,6] = Tanh(%in)
      %top: f32[2,3], %places: i64[2,3] = TopK(%before, %k)
      %behind: f32[2,3] = Tanh(%top)
      %y: f32[2,3] = Exp(%behind)
      %z: f32[2,6] = Add(%aside, %before)
      return %y, %z
    }`,
    {},
  )
  const { found } = await compared(await adapter.read(source), ['before', 'aside', 'behind'])
  expect([...found.keys()].sort()).toEqual(['aside', 'behind'])
  for (const { gradient, difference, size } of found.values())
    expect(Math.abs(gradient - difference)).toBeLessThan(2e-3 * size)
})

test('a value that leads to no output has no gradient, and an output has its seed', async () => {
  const source = modelOf(
    `graph net(%in: f32[2,6]) {
      %dead: f32[2,6] = Exp(%in)
      %y: f32[2,6] = Tanh(%in)
      return %y
    }`,
    {},
  )
  const graph = await adapter.read(source)
  const feeds = feedsFor(graph, 3)
  const session = await adapter.gradients!(graph, [{ value: 'y', seed: 's' }], ['dead', 'y'], feeds)
  const seed = f32([2, 6], numbers(12, 5))
  expect([...(await session.run(new Map([...feeds, ['s', seed]])))]).toEqual([['y', seed]])
  await session.dispose()
})
