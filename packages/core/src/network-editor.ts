import type { Node } from '@mixbit/graph'
import { powerOfTwoGrid, type Scheme, symmetricGrid, uniformGrid } from '@mixbit/quantizers'
import type { ActivationGroup } from './activations.ts'
import type { FullConfig } from './config.ts'
import type { ActivationEdits, EditRule, WeightEdits } from './edit-rule.ts'
import { operatorRule } from './operator-rule.ts'
import type { ActivationsConfig, TargetPlatform, WeightsConfig } from './target-platform.ts'

/** What a rule can match: the names it goes by, and the nodes behind it. */
export interface Subject {
  readonly names: readonly string[]
  readonly nodes: readonly Node[]
}

export const subjectOf = (node: Node): Subject => ({ names: [node.id], nodes: [node] })

export const matches = ({ name, kind, op, where }: EditRule['filter'], { names, nodes }: Subject): boolean =>
  (name === undefined || names.some((one) => glob(name).test(one))) &&
  (kind === undefined || nodes.some((node) => node.kind === kind)) &&
  (op === undefined || nodes.some((node) => node.op === op)) &&
  (where === undefined || nodes.some((node) => ask(where, node) === true))

/** What a predicate of the user says of a node, or the error it throws; `checkEdits` tells it. */
export function ask(where: (node: Node) => boolean, node: Node): unknown {
  try {
    return where(node)
  } catch (error) {
    return error
  }
}

const glob = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`)

/** The actions of all rules that match, as one; null where none of them says anything. */
export interface Edits {
  readonly weights: WeightEdits | null
  readonly activations: ActivationEdits | null
  readonly biasCorrection: boolean | null
}

export function editsOf(rules: readonly EditRule[], time: NonNullable<EditRule['when']>, subject: Subject): Edits {
  const actions = rules
    .filter(({ when = 'beforeSearch', filter }) => when === time && matches(filter, subject))
    .map((rule) => rule.actions)
  return {
    weights: together(actions.map(({ weights }) => weights)),
    activations: together(actions.map(({ activations }) => activations)),
    biasCorrection: actions.map(({ biasCorrection }) => biasCorrection).findLast((on) => on !== undefined) ?? null,
  }
}

/** Later parts win, field by field. */
function together<T extends object>(parts: readonly (T | undefined)[]): T | null {
  const given = parts.filter((part) => part !== undefined)
  return given.length === 0 ? null : Object.assign({}, ...given)
}

/** The candidates of a node's weights, as the target platform and the network editor have them. */
export interface EditedWeights extends WeightsConfig, Omit<WeightEdits, keyof WeightsConfig> {
  /** The one width that is taken after the search; absent: that of the choice. */
  readonly finalBits?: number
}

/** Those for the search, and those after it (null: the same); null for a node without weights to quantize. */
export function editedWeights(
  platform: TargetPlatform,
  { debugConfig: { networkEditor } }: FullConfig,
  node: Node,
): { readonly rule: EditedWeights; readonly final: EditedWeights | null } | null {
  const { weights } = operatorRule(platform, node)
  if (!weights) return null
  const [before, after] = (['beforeSearch', 'afterSearch'] as const).map(
    (time) => editsOf(networkEditor, time, subjectOf(node)).weights,
  )
  const rule = before ? { ...weights, ...(before.bits && { base: undefined }), ...ownScheme(before) } : weights
  if (!after) return { rule, final: null }
  const { bits, ...others } = ownScheme(after)
  return { rule, final: { ...rule, ...others, ...(bits && { finalBits: bits[0]! }) } }
}

/** A scheme or a threshold takes the place of the platform's tables of levels too. */
const ownScheme = (edits: WeightEdits) => ({
  ...edits,
  ...((edits.scheme ?? edits.threshold) !== undefined && { tables: [] }),
})

/** The candidates of an activation, likewise. */
export interface EditedActivations extends ActivationsConfig, Omit<ActivationEdits, keyof ActivationsConfig> {
  readonly finalBits?: number
}

/** Those for the search, and those after it (null: the same). */
export function editedActivations(
  { debugConfig: { networkEditor } }: FullConfig,
  activation: ActivationGroup,
): { readonly offer: EditedActivations; readonly final: EditedActivations | null } {
  const [before, after] = (['beforeSearch', 'afterSearch'] as const).map(
    (time) => editsOf(networkEditor, time, activation).activations,
  )
  const offer = { ...activation.config, ...(before?.bits && { base: undefined }), ...before }
  if (!after) return { offer, final: null }
  const { bits, ...others } = after
  return { offer, final: { ...offer, ...others, ...(bits && { finalBits: bits[0]! }) } }
}

/** Whether the bias of a node is corrected: bias correction knows no search, so both times are the same. */
export const correctsBias = ({ quantizationConfig, debugConfig }: FullConfig, node: Node): boolean =>
  editsOf(debugConfig.networkEditor, 'afterSearch', subjectOf(node)).biasCorrection ??
  editsOf(debugConfig.networkEditor, 'beforeSearch', subjectOf(node)).biasCorrection ??
  quantizationConfig.weightsBiasCorrection

/** The grid of a threshold in place of a searched one. */
export function thresholdGrid(threshold: number, channels: number, axis: number | null, bits: number, scheme: Scheme) {
  const all = new Array<number>(axis === null ? 1 : channels).fill(threshold)
  if (scheme === 'uniform') return uniformGrid({ min: all.map((t) => -t), max: all, bits, axis })
  return (scheme === 'powerOfTwo' ? powerOfTwoGrid : symmetricGrid)({ threshold: all, bits, axis })
}
