import type { Choice } from '@mixbit/core'
import type { AnalysisSummary, Rival, Weighting } from '../worker/protocol.ts'

/** `EXP (σ 0.1)`, or the name alone. */
export const weightingName = ({ method, sigma }: Weighting): string => (method === 'EXP' ? `EXP (σ ${sigma})` : method)

/** The layers before an output that have 2 bits or less. */
export const starvedOf = ({ outputLayers }: Choice): string[] => [
  ...new Set(outputLayers.filter(({ starved }) => starved).map(({ node }) => node)),
]

/**
 * How far the outputs are predicted to move: summed over the layers, each quantized alone to its chosen bits. The same measure for
 * every weighting, unlike the sensitivity that it minimized.
 */
export function predictedDistance({ sensitivity }: AnalysisSummary, { bits, activationBits }: Choice): number {
  const chosen = [...bits, ...activationBits]
  return sensitivity.rows.reduce((sum, { candidates }, i) => {
    const { outputs, points } = candidates.find((one) => one.bits === chosen[i]) ?? candidates[0]!
    const ends = outputs.length > 0 ? outputs : points.slice(-1)
    return sum + ends.reduce((total, distance) => total + distance, 0) / Math.max(1, ends.length)
  }, 0)
}

/** The weighting whose choice starves nothing, or else the fewest, and loses least; null if that is the given one. */
export function remedyFor(current: Weighting, rivals: readonly Rival[]): Rival | null {
  const ranked = [...rivals].sort((a, b) => starvedOf(a.choice).length - starvedOf(b.choice).length || a.loss - b.loss)
  const own = rivals.find(({ weighting }) => weighting.method === current.method)
  const [best] = ranked
  if (!best || best.weighting.method === current.method) return null
  return own && starvedOf(best.choice).length === starvedOf(own.choice).length && best.loss >= own.loss ? null : best
}
