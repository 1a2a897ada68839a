import type { Node } from '@mixbit/graph'
import type { ActivationsConfig, OperatorSet, TargetPlatform, WeightsConfig } from './target-platform.ts'

/** What a target platform says of one node. */
export interface OperatorRule {
  /** The name of its operator set; null without one. */
  readonly set: string | null
  /** Candidates of its weights; null: they stay float. */
  readonly weights: WeightsConfig | null
  /** Candidates of what it reads and gives; null: it computes in float. */
  readonly activations: ActivationsConfig | null
  /** Its activations are quantized only where an input already is. */
  readonly follows: boolean
  /** Its output is on the grid of its first input. */
  readonly preserving: boolean
  /** The widest activation that it can read. */
  readonly mostInputBits: number
}

/** The platform's defaults with what a set says otherwise. */
export function rulesOf(
  { weights, activations }: Pick<TargetPlatform, 'weights' | 'activations'>,
  set: Pick<OperatorSet, 'quantized' | 'weights' | 'activations'>,
): Pick<OperatorRule, 'weights' | 'activations'> {
  if (set.quantized === false) return { weights: null, activations: null }
  return {
    weights: override(weights, set.weights),
    activations: activations && set.quantized !== 'weights' ? override(activations, set.activations) : null,
  }
}

/** A set's own bits have their own base. */
const override = <Config extends { readonly base?: number }>(
  config: Config,
  own: (Partial<Config> & { readonly bits?: readonly number[] }) | undefined,
): Config => ({ ...config, ...(own?.bits && { base: undefined }), ...own })

/** The rule for a node: that of the first operator set which names its op or its kind. */
export function operatorRule(platform: TargetPlatform, node: Node): OperatorRule {
  const set = platform.operatorSets.find(({ kinds, ops }) => kinds?.includes(node.kind) || ops?.includes(node.op))
  const { weights, activations } = set ? rulesOf(platform, set) : { weights: null, activations: null }
  return {
    set: set?.name ?? null,
    weights,
    activations,
    follows: set?.follows ?? false,
    preserving: set?.preserving ?? node.preserving ?? false,
    mostInputBits: Math.max(...(set?.supportedInputBits ?? [Number.POSITIVE_INFINITY])),
  }
}
