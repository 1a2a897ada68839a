import type { Adapter } from '@mixbit/adapter'
import {
  consumers,
  type Graph,
  type Node,
  replaceValues,
  type Tensor,
  toF32,
  type Value,
  type ValueId,
} from '@mixbit/graph'
import {
  type Compensated,
  type CompensateOptions,
  compensate,
  leastSquares,
  paddedWidth,
  pickReconstructKernel,
  weightRows,
} from '@mixbit/quantizers'
import { type LayerRows, layerRows } from './layer-rows.ts'
import { type Moments, momentsOf } from './moments.ts'
import { advance, startWalk } from './walk.ts'

export interface ReconstructOptions {
  readonly adapter: Adapter
  readonly float: Graph
  /** The same nodes with activation quantizers. */
  readonly quantized: Graph
  readonly layers: readonly { node: string; options: readonly CompensateOptions[] }[]
  readonly samples: readonly ReadonlyMap<ValueId, Tensor>[]
}

export async function reconstruct({ adapter, float, quantized, layers, samples }: ReconstructOptions) {
  const wanted = new Map(layers.map((layer) => [layer.node, layer.options]))
  const keepFloat = new Set(float.nodes.filter(({ id }) => wanted.has(id)).map(({ outputs }) => outputs[0]!))
  const users = consumers(quantized)
  const walks = { float: startWalk(float, samples), quantized: startWalk(quantized, samples) }
  const floatAt = new Map(float.nodes.map(({ id }, i) => [id, i]))
  let graph = quantized
  for (const [at, node] of quantized.nodes.entries()) {
    const options = wanted.get(node.id)
    const rows = options && layerRows(quantized, node)
    if (!options || !rows) continue
    await advance(walks.quantized, at, adapter, new Set(), graph.values)
    const output = node.outputs[0]!
    // What is added to the layer's output, if that is already there: the target takes up its error too.
    const readers = users.get(output) ?? []
    const add =
      readers.length === 1 && readers[0]!.kind === 'add' && readers[0]!.inputs.length === 2 ? readers[0]! : null
    const other = add?.inputs.find((id) => id !== output) ?? null
    const sum =
      other !== null && walks.quantized.live[0]!.has(other) && process.env.RESIDUAL !== '0' ? add!.outputs[0]! : null
    const floatNode = sum ? add!.id : node.id
    if (sum) keepFloat.add(sum)
    await advance(walks.float, floatAt.get(floatNode)! + 1, adapter, keepFloat)
    const seen = samples.map((_, s) => {
      const target = walks.float.live[s]!.get(sum ?? output)!
      return {
        input: walks.quantized.live[s]!.get(node.inputs[0]!)!,
        target: sum ? { ...target, data: minus(toF32(target), toF32(walks.quantized.live[s]!.get(other!)!)) } : target,
      }
    })
    keepFloat.delete(output)
    if (sum) keepFloat.delete(sum)
    const layer = solveLayer(graph, node, rows, momentsOf(rows, seen), options)
    if (layer) graph = replaceValues(graph, layer)
  }
  return graph
}

const minus = (a: Float32Array, b: Float32Array) => a.map((x, i) => x - b[i]!)

function solveLayer(
  graph: Graph,
  node: Node,
  rows: LayerRows,
  moments: readonly Moments[],
  options: readonly CompensateOptions[],
): Map<ValueId, Value> | null {
  const kernel = pickReconstructKernel()
  const weightId = node.inputs[1]!
  const biasId = node.inputs[2] ?? null
  const weight = graph.values.get(weightId)!
  const original = toF32(weight.tensor!)
  const bias = biasId === null ? null : graph.values.get(biasId)!
  const width = paddedWidth(rows.inputs)
  const outWidth = paddedWidth(rows.outputs)
  const centred = bias !== null
  const data = new Float32Array(original.length)
  const newBias = new Float32Array(rows.groups * rows.outputs)
  for (const [group, { gram, cross, meanX, meanY }] of moments.entries()) {
    const g = gram.slice()
    const c = cross.slice()
    if (centred)
      for (let i = 0; i < rows.inputs; i++) {
        for (let j = 0; j < rows.inputs; j++) g[i * width + j]! -= meanX[i]! * meanX[j]!
        for (let o = 0; o < rows.outputs; o++) c[i * outWidth + o]! -= meanX[i]! * meanY[o]!
      }
    const problem = leastSquares(g, rows.inputs)
    if (!problem) return null
    const lambda = problem.h[0]! - g[0]!
    const b = new Float32Array(rows.outputs * width)
    for (let o = 0; o < rows.outputs; o++)
      for (let i = 0; i < rows.inputs; i++)
        b[o * width + i] = c[i * outWidth + o]! + lambda * original[rows.weightIndex(group, o, i)]!
    const refit = kernel.solve(problem, b)
    const targets = new Float32Array(rows.outputs * rows.inputs)
    for (let o = 0; o < rows.outputs; o++)
      for (let i = 0; i < rows.inputs; i++) targets[o * rows.inputs + i] = refit[o * width + i]!
    const prepared = weightRows(problem, targets)
    const all = options.map((option) => compensate(problem, prepared, option))
    const total = (one: Compensated) => one.error.reduce((s, e) => s + e, 0)
    const best = all.reduce((x, y) => (total(y) < total(x) ? y : x))
    for (let o = 0; o < rows.outputs; o++) {
      let shift = 0
      for (let i = 0; i < rows.inputs; i++) {
        const value = Math.fround(best.integers[o * rows.inputs + i]! * best.scale[o]!)
        data[rows.weightIndex(group, o, i)] = value
        shift += value * meanX[i]!
      }
      newBias[group * rows.outputs + o] = meanY[o]! - shift
    }
  }
  const changed = new Map<ValueId, Value>([[weightId, { ...weight, tensor: { ...weight.tensor!, data } }]])
  if (bias) changed.set(biasId!, { ...bias, tensor: { ...bias.tensor!, data: newBias } })
  return changed
}
