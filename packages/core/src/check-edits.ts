import { MixbitError, type Node, type NodeId, type ValueId } from '@mixbit/graph'
import type { EditRule } from './edit-rule.ts'
import { ask, matches, type Subject, subjectOf } from './network-editor.ts'

/** What there is to edit. */
export interface Editable {
  readonly nodes: readonly Node[]
  readonly layers: ReadonlySet<NodeId>
  readonly correctable: ReadonlySet<NodeId>
  readonly activations: readonly (Subject & { readonly value: ValueId })[]
  readonly weightBits: readonly number[]
  readonly activationBits: readonly number[]
}

/** @throws MixbitError `CONFIG_NETWORK_EDITOR` that lists every filter that matches nothing and every action that fits nothing. */
export function checkEdits(rules: readonly EditRule[], editable: Editable): void {
  const faults = rules.flatMap((rule, i) => faultsOf(rule, editable).map((fault) => `networkEditor.${i} ${fault}`))
  if (faults.length === 0) return
  throw new MixbitError('CONFIG_NETWORK_EDITOR', `The network editor cannot follow its rules: ${faults.join('; ')}.`, {
    hint: 'Names and kinds of nodes are those of `mixbit inspect`; activations go by the node that gives them, or by their value.',
    context: { faults },
  })
}

function faultsOf({ filter, actions }: EditRule, editable: Editable): string[] {
  const { weights, activations, biasCorrection } = actions
  const odd = editable.nodes
    .map((node) => filter.where && ask(filter.where, node))
    .find((answer) => answer !== undefined && typeof answer !== 'boolean')
  if (odd !== undefined)
    return [`has a filter that ${odd instanceof Error ? `throws: ${odd.message}` : `gives ${odd}`}`]
  const nodes = editable.nodes.filter((node) => matches(filter, subjectOf(node)))
  const values = editable.activations.filter((activation) => matches(filter, activation))
  if (nodes.length + values.length === 0) return ['matches nothing']
  const found = [...nodes.map(({ id }) => id), ...values.map(({ value }) => value)].slice(0, 5).join(', ')
  const none = (ids: ReadonlySet<NodeId>) => !nodes.some(({ id }) => ids.has(id))
  return [
    ...(weights && none(editable.layers) ? [`changes weights, and there are none to quantize in ${found}`] : []),
    ...(activations && values.length === 0 ? [`changes activations, and none is quantized at ${found}`] : []),
    ...(biasCorrection !== undefined && none(editable.correctable)
      ? [`changes bias correction, and no bias can be corrected in ${found}`]
      : []),
    ...foreign('weights', weights?.bits, editable.weightBits),
    ...foreign('activations', activations?.bits, editable.activationBits),
  ]
}

const foreign = (what: string, bits: readonly number[] = [], possible: readonly number[]): string[] => {
  const wrong = bits.filter((width) => !possible.includes(width))
  return wrong.length === 0
    ? []
    : [`gives ${what} ${wrong} bits, and the adapter knows ${possible.join(', ') || 'none'}`]
}
