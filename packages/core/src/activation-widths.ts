import { consumers, MixbitError, type ValueId } from '@mixbit/graph'
import type { Job } from './job.ts'
import { operatorRule } from './operator-rule.ts'
import type { ActivationsConfig } from './target-platform.ts'

/** The bit-widths that one activation has to choose from. */
export interface ActivationWidths {
  /** Widest first. */
  readonly widths: readonly number[]
  readonly base: number
  /** Why the base is not that of the platform; null if it is. */
  readonly otherBase: string | null
}

/**
 * Of the platform's widths those that the adapter can write and that every reader takes (the least of the readers'
 * greatest `supportedInputBits`). When the base is not among them, the widest one takes its place.
 * @throws MixbitError `TARGET_PLATFORM_NO_CANDIDATE` when none is left.
 */
export function activationWidths({
  prepared: graph,
  platform,
  adapter,
}: Pick<Job, 'prepared' | 'platform' | 'adapter'>) {
  const users = consumers(graph)
  return (values: readonly ValueId[], config: ActivationsConfig): ActivationWidths => {
    const limits = values
      .flatMap((id) => users.get(id) ?? [])
      .map((node) => ({ node: node.id, bits: operatorRule(platform, node).mostInputBits }))
    const limit = limits.reduce((a, b) => (b.bits < a.bits ? b : a), { node: '', bits: Number.POSITIVE_INFINITY })
    const written = adapter.capabilities.activationBits
    const writable = config.bits.filter((bits) => written.includes(bits))
    const widths = [...new Set(writable)].filter((bits) => bits <= limit.bits).sort((a, b) => b - a)
    const reason =
      limit.bits < Math.max(...writable)
        ? `${limit.node} takes at most ${limit.bits} bits`
        : `the ${adapter.name} adapter writes ${written.length > 0 ? `${written.join(', ')} bits` : 'no activations'}`
    const [widest] = widths
    if (widest === undefined)
      throw new MixbitError(
        'TARGET_PLATFORM_NO_CANDIDATE',
        `Activation %${values[0]} has no candidate: activations.bits of ${platform.name} are ${config.bits.join(', ')}, and ${reason}.`,
        {
          hint: 'Offer narrower activations.bits, or wider supportedInputBits of the operator set that reads it.',
          context: { value: values[0], bits: config.bits },
        },
      )
    const base = config.base ?? Math.max(...config.bits)
    if (widths.includes(base)) return { widths, base, otherBase: null }
    const otherBase = `Activation %${values[0]} has a base of ${widest} bits instead of ${base}: ${reason}.`
    return { widths, base: widest, otherBase }
  }
}
