import {
  type Graph,
  MixbitError,
  type Node,
  parseGraph,
  printGraph,
  replaceValues,
  type Tensor,
  type Tensors,
  toF32,
  type Value,
  verify,
} from '@mixbit/graph'
import type { Adapter, Session } from './adapter.ts'

/** A graph in text form whose constants are splats of 0, and what they hold: int8 codes for those on a grid. */
export interface ToyArtifact {
  readonly text: string
  readonly payload: ReadonlyMap<string, Tensor['data']>
}

/** The smallest adapter there is: its models are texts, its operators dense (Gemm), Relu and Add. For tests only. */
export const toyAdapter: Adapter<string, ToyArtifact> = {
  name: 'toy',
  capabilities: { weights: new Set(['dense']), weightBits: [8], activationBits: [] },
  read: async (source) => {
    if (typeof source !== 'string') throw new MixbitError('TOY_SOURCE', 'A toy model is a text.')
    const graph = parseGraph(source)
    verify(graph)
    return graph
  },
  compile: async (graph, outputs) => sessionOf(graph, outputs),
  write: async (graph) => {
    const constants = [...graph.values.values()].filter((value) => value.tensor)
    const blank = replaceValues(
      graph,
      new Map(constants.map((value) => [value.id, { ...value, tensor: zeros(value.tensor!) }])),
    )
    return { text: printGraph(blank), payload: new Map(constants.map((value) => [value.id, encode(value)])) }
  },
  open: async ({ text, payload }) => {
    const graph = parseGraph(text)
    const full = [...payload].map(([id, data]): [string, Value] => [id, decode(graph.values.get(id)!, data)])
    return sessionOf(replaceValues(graph, new Map(full)), graph.outputs)
  },
  byteLength: ({ text, payload }) =>
    text.length + [...payload.values()].reduce((sum, data) => sum + (data as Float32Array).byteLength, 0),
}

const zeros = (tensor: Tensor): Tensor => ({ ...tensor, data: new Float32Array(tensor.data.length) })

const scaleAt = ({ stored, shape }: Value, i: number): number => {
  const inner = (shape as number[]).slice(stored!.axis! + 1).reduce((a, b) => a * b, 1)
  return stored!.scale[Math.floor(i / inner) % stored!.scale.length]!
}

const encode = (value: Value): Tensor['data'] =>
  value.stored ? Int8Array.from(toF32(value.tensor!), (x, i) => Math.round(x / scaleAt(value, i))) : value.tensor!.data

const decode = (value: Value, data: Tensor['data']): Value => ({
  ...value,
  tensor: {
    ...value.tensor!,
    data: value.stored ? Float32Array.from(data as Int8Array, (q, i) => q * scaleAt(value, i)) : data,
  },
})

function sessionOf(graph: Graph, outputs: readonly string[]): Session {
  let disposed = false
  return {
    run: async (feeds) => {
      if (disposed) throw new MixbitError('SESSION_DISPOSED', 'This session was disposed of.')
      const known = execute(graph, feeds)
      return new Map(outputs.map((id) => [id, known.get(id)!]))
    },
    dispose: async () => {
      disposed = true
    },
  }
}

function execute(graph: Graph, feeds: Tensors): Map<string, Tensor> {
  const known = new Map(feeds)
  for (const { id, tensor } of graph.values.values()) if (tensor) known.set(id, tensor)
  for (const node of graph.nodes)
    known.set(
      node.outputs[0]!,
      compute(
        node,
        node.inputs.map((id) => known.get(id ?? '')!),
      ),
    )
  return known
}

function compute(node: Node, [x, y, bias]: Tensor[]): Tensor {
  const data = toF32(x!)
  if (node.op === 'Relu') return { ...x!, data: data.map((v) => Math.max(v, 0)) }
  if (node.op === 'Add') return { ...x!, data: data.map((v, i) => v + toF32(y!)[i]!) }
  const [rows, inner, columns] = [x!.shape[0]!, x!.shape[1]!, y!.shape[1]!]
  const out = Float32Array.from({ length: rows * columns }, (_, o) => {
    let sum = bias ? toF32(bias)[o % columns]! : 0
    for (let i = 0; i < inner; i++)
      sum += data[Math.floor(o / columns) * inner + i]! * toF32(y!)[i * columns + (o % columns)]!
    return sum
  })
  return { dtype: 'f32', shape: [rows, columns], data: out }
}
