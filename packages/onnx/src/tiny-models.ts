import { type Graph, type Node, parseGraph, sizeOf, type Tensor } from '@mixbit/graph'
import { encodeOnnx } from './encode.ts'

/** Seeded numbers in [-1, 1): for tests. */
export function numbers(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761) % 2147483647 || 1
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647
    return (state / 2147483647) * 2 - 1
  })
}

export const tensor = (shape: readonly number[], seed: number): Tensor => ({
  dtype: 'f32',
  shape,
  data: numbers(sizeOf(shape), seed),
})

/** A model file from the text form (nodes need only their ONNX operator), with constants filled with seeded numbers. */
export function modelOf(text: string, constants: Readonly<Record<string, readonly number[]>>, opset = 17): Uint8Array {
  const graph = parseGraph(text)
  const values = new Map(graph.values)
  for (const [i, [id, shape]] of Object.entries(constants).entries())
    values.set(id, { id, dtype: 'f32', shape, tensor: tensor(shape, i + 1) })
  const nodes = graph.nodes.map((node): Node => ({ ...node, weights: [] }))
  const filled: Graph = {
    ...graph,
    nodes,
    values,
    inputs: graph.inputs.filter((id) => !(id in constants)),
    meta: { opsets: { '': opset }, irVersion: opset >= 21 ? 10 : 8 },
  }
  return encodeOnnx(filled)
}

/** A small convolutional network with every kind of convolution, a residual and a dense layer. */
export const convNet = (opset = 17): Uint8Array =>
  modelOf(
    `graph net(%x: f32[N,3,8,8], %w1: f32[8,3,3,3], %b1: f32[8], %w2: f32[8,1,3,3], %w3: f32[8,4,2,2], %w4: f32[16,5], %b4: f32[5]) {
      %a: f32[N,8,8,8] = Conv(%x, %w1, %b1) {pads=[1, 1, 1, 1]} #first
      %r: f32[N,8,8,8] = Relu(%a)
      %d: f32[N,8,8,8] = Conv(%r, %w2) {pads=[1, 1, 1, 1], group=8} #depthwise
      %s: f32[N,8,8,8] = Add(%d, %r)
      %t: f32[N,8,16,16] = ConvTranspose(%s, %w3) {strides=[2, 2], group=2} #up
      %p: f32[N,8,1,1] = GlobalAveragePool(%t)
      %q: f32[N,8,1,1] = GlobalMaxPool(%t)
      %c: f32[N,16,1,1] = Concat(%p, %q) {axis=1}
      %f: f32[N,16] = Flatten(%c)
      %y: f32[N,5] = Gemm(%f, %w4, %b4) #dense
      return %y
    }`,
    { w1: [8, 3, 3, 3], b1: [8], w2: [8, 1, 3, 3], w3: [8, 4, 2, 2], w4: [16, 5], b4: [5] },
    opset,
  )
