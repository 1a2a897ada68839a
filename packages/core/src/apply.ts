import { type Graph, type Grid, type Node, replaceValues, toF32, type ValueId, verify } from '@mixbit/graph'
import { biasCorrection } from '@mixbit/quantizers'
import { quantizeActivations } from './activations.ts'
import { attrFloat, correctable, groupsOf, withBias } from './bias.ts'
import { type Candidate, constant, type Layer, quantizedValue } from './candidates.ts'
import type { FullConfig } from './config.ts'
import { correctsBias } from './network-editor.ts'
import type { ActivationCandidate, Observed } from './observe.ts'

/** One candidate per layer and per activation, in their order. */
export interface Assignment {
  readonly weights: readonly Candidate[]
  readonly activations: readonly ActivationCandidate[]
}

/** The grid of every activation that has a quantizer. */
export const activationGrids = ({ activations }: Observed, assignment: Assignment): Map<ValueId, Grid> =>
  new Map(activations.flatMap(({ values }, i) => values.map((id) => [id, assignment.activations[i]!.grid] as const)))

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
  const result = quantizeActivations(quantized, activationGrids(observed, assignment))
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
        groups: groupsOf(node),
      })
    : new Float64Array(shape[axis] ?? 1)
  const alpha = attrFloat(node, 'alpha', 1)
  return withBias(quantized, node, correction.length, (b, i) => b - alpha * correction[i]!)
}
