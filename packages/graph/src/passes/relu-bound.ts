import type { Graph, Node } from '../graph.ts'
import { pruneUnused } from '../query.ts'
import type { Pass } from '../rewrite.ts'
import { withConstant } from './linear-layer.ts'
import { type ScalablePair, scalablePairs, scaleChannels } from './scale-channels.ts'

/**
 * Gives bounded ReLUs between two layers a power of two as their bound: ReLU6 becomes a Clip at 8, the layer before it is
 * scaled by 8 / 6 and the one behind it by 6 / 8. What the graph computes stays; a power-of-two grid of the activation is used up
 * to its end. Source: MCT's reluBoundToPowerOf2.
 */
export const reluBoundToPowerOf2: Pass = {
  name: 'reluBoundToPowerOf2',
  run: (graph) => {
    const changed = scalablePairs(graph, hasOtherBound).reduce(rebound, graph)
    return changed === graph ? graph : pruneUnused(changed)
  },
}

const hasOtherBound = ({ op, bounds }: Node): boolean => {
  const [low, high] = bounds ?? [0, 0]
  return op === 'Clip' && low === 0 && high > 0 && Number.isFinite(high) && powerOfTwo(high) !== high
}

/** The least power of two that is not below x. */
const powerOfTwo = (x: number): number => 2 ** Math.ceil(Math.log2(x))

function rebound(graph: Graph, pair: ScalablePair): Graph {
  const clip = graph.nodes.find(({ id }) => id === pair.activation)!
  const bound = powerOfTwo(clip.bounds![1])
  const scales = new Float64Array(pair.channels).fill(bound / clip.bounds![1])
  const scaled = scaleChannels(graph, pair, scales)
  return scaled === graph ? graph : withBound(scaled, clip, bound)
}

/** The bound is an attribute up to opset 10, a constant input from 11 on. */
function withBound(graph: Graph, clip: Node, bound: number): Graph {
  const isInput = (clip.inputs[2] ?? null) !== null
  const attrs = isInput ? clip.attrs : { ...clip.attrs, max: { float: bound } }
  const changed: Node = { ...clip, attrs, bounds: [0, bound] }
  const next = { ...graph, nodes: graph.nodes.map((node) => (node.id === clip.id ? changed : node)) }
  return isInput ? withConstant(next, clip.id, 2, { dtype: 'f32', shape: [] }, Float64Array.of(bound))! : next
}
