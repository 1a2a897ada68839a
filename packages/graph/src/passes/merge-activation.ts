import type { Node, OpKind } from '../graph.ts'
import type { Pass } from '../rewrite.ts'
import { type Edit, onlyFor, untilSettled, type View } from './edit.ts'

const layers: ReadonlySet<OpKind> = new Set(['conv', 'depthwiseConv', 'convTranspose', 'dense'])

/**
 * Merges a Relu into the conv or dense layer before it, if nobody else sees what lies between: the layer gets
 * `activation: 'relu'` and the Relu's output; operator and id stay. Only for adapters that understand that attribute.
 */
export const mergeActivation: Pass = { name: 'mergeActivation', run: (graph) => untilSettled(graph, match) }

function match(view: View, relu: Node): Edit | undefined {
  if (relu.kind !== 'activation' || relu.op.toLowerCase() !== 'relu' || relu.inputs.length !== 1) return undefined
  const layer = onlyFor(view, relu, relu.inputs[0])
  if (!layer || !layers.has(layer.kind) || layer.attrs.activation || layer.outputs.length !== 1) return undefined
  const replace = { ...layer, attrs: { ...layer.attrs, activation: 'relu' }, outputs: relu.outputs }
  return { drop: new Set([relu.id]), replace, constants: [] }
}
