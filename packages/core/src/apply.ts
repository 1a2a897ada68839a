import {
  type Graph,
  type Node,
  type NodeId,
  replaceValues,
  sizeOf,
  toF32,
  type Value,
  type ValueId,
  verify,
} from '@mixbit/graph'
import { biasCorrection } from '@mixbit/quantizers'
import { quantizeActivations } from './activations.ts'
import { type Candidate, constant, type Layer, quantizedValue } from './candidates.ts'
import type { FullConfig } from './config.ts'
import { correctsBias } from './network-editor.ts'
import { type ActivationCandidate, correctable, type Observed } from './observe.ts'

/** One candidate per layer and per activation, in their order. */
export interface Assignment {
  readonly weights: readonly Candidate[]
  readonly activations: readonly ActivationCandidate[]
}

/** The quantized graph: weights on their grids, biases corrected, activation quantizers in place. */
export function apply(
  graph: Graph,
  layers: readonly Layer[],
  assignment: Assignment,
  observed: Observed,
  config: FullConfig,
): Graph {
  const grids = assignment.weights.flatMap((candidate) => candidate.grids)
  const weights = new Map(grids.map((grid) => [grid.value, quantizedValue(graph, grid)]))
  let quantized = replaceValues(graph, weights)
  const ids = new Set(layers.flatMap((layer) => [layer.node, ...layer.sharedWith]))
  for (const node of graph.nodes)
    if (ids.has(node.id) && correctable(node) && correctsBias(config, node))
      quantized = correctBias(graph, quantized, node, observed.inputMeans.get(node.id))
  const activationGrids = observed.activations.flatMap(({ values }, i) =>
    values.map((id) => [id, assignment.activations[i]!.grid] as const),
  )
  const result = quantizeActivations(quantized, new Map(activationGrids))
  verify(result)
  return result
}

/**
 * b <- b - (Wq - W) . E[x], summed over the taps of the kernel (MCT's weights bias correction). Without means the bias
 * keeps its values, and the bytes are those that it will take.
 */
function correctBias(float: Graph, quantized: Graph, node: Node, inputMean: Float64Array | undefined): Graph {
  const weight = node.inputs[1] as ValueId
  if (!quantized.values.get(weight)?.stored) return quantized
  const { shape } = constant(float, weight)
  const axis = node.weights[0]?.axis ?? 0
  const correction = inputMean
    ? biasCorrection({
        weights: toF32(constant(float, weight)),
        quantized: toF32(constant(quantized, weight)),
        shape,
        axis,
        inputMean,
        groups: typeof node.attrs.group === 'number' ? node.attrs.group : 1,
      })
    : new Float64Array(shape[axis] ?? 1)
  const scale = attrFloat(node, 'alpha', 1) / attrFloat(node, 'beta', 1)
  const old = node.inputs[2]
  const before = old == null ? null : quantized.values.get(old)
  if (before && (before.tensor?.dtype !== 'f32' || sizeOf(before.tensor.shape) !== correction.length)) return quantized
  if (!before && constant(float, weight).dtype !== 'f32') return quantized
  const id = `${node.id}_bias_corrected`
  const data = Float32Array.from(
    correction,
    (c, i) => ((before?.tensor?.data as Float32Array | undefined)?.[i] ?? 0) - c * scale,
  )
  const value: Value = {
    id,
    dtype: 'f32',
    shape: before?.tensor?.shape ?? [data.length],
    tensor: { dtype: 'f32', shape: before?.tensor?.shape ?? [data.length], data },
  }
  return withInput(quantized, node.id, 2, value)
}

const attrFloat = (node: Node, name: string, otherwise: number): number => {
  const attr = node.attrs[name]
  return typeof attr === 'object' && 'float' in attr && typeof attr.float === 'number' ? attr.float : otherwise
}

/** The graph with one constant in place of (or behind) the inputs of a node. */
function withInput(graph: Graph, id: NodeId, index: number, value: Value): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.id !== id) return node
    const inputs = [...node.inputs]
    inputs[index] = value.id
    return { ...node, inputs }
  })
  return { ...graph, nodes, values: new Map(graph.values).set(value.id, value) }
}
