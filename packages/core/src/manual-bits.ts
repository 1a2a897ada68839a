import { MixbitError, type NodeId, type ValueId } from '@mixbit/graph'
import { baseOf, type Layer } from './candidates.ts'
import type { BitWidthRule, FullConfig } from './config.ts'
import { matches, type Subject } from './network-editor.ts'

/** A layer or an activation as the rules of `bitWidthConfig` see it. */
export interface BitWidthTarget extends Subject {
  /** The node of a layer, the value of an activation. */
  readonly id: NodeId | ValueId
  readonly widths: readonly number[]
}

/**
 * The bit-widths that `bitWidthConfig` gives, by layer and by activation.
 * @throws MixbitError `BIT_WIDTH_NO_MATCH` that lists all rules which match nothing or ask for bits that are not there.
 */
export function manualBits(
  { bitWidthConfig }: FullConfig,
  layers: readonly BitWidthTarget[],
  activations: readonly BitWidthTarget[],
): { weights: Map<NodeId, number>; activations: Map<ValueId, number> } {
  const faults: string[] = []
  const pin = (rules: readonly BitWidthRule[], targets: readonly BitWidthTarget[], what: string) => {
    const pinned = new Map<string, number>()
    for (const { match, bits } of rules) {
      const found = targets.filter((target) => matches(match, target))
      if (found.length === 0) faults.push(`${JSON.stringify(match)} matches no ${what}`)
      for (const { id, widths } of found) {
        if (!widths.includes(bits)) faults.push(`${id} has no ${bits}-bit candidate (it has ${widths.join(', ')})`)
        pinned.set(id, bits)
      }
    }
    return pinned
  }
  const pinned = {
    weights: pin(bitWidthConfig.weights, layers, 'layer'),
    activations: pin(bitWidthConfig.activations, activations, 'activation'),
  }
  if (faults.length > 0)
    throw new MixbitError('BIT_WIDTH_NO_MATCH', `bitWidthConfig cannot be followed: ${faults.join('; ')}.`, {
      hint: [list('layers', layers), list('activations', activations)].join(' '),
      context: { faults },
    })
  return pinned
}

const list = (what: string, targets: readonly BitWidthTarget[]): string =>
  targets.length === 0
    ? `No ${what} are quantized.`
    : `The ${what} are ${targets
        .map(({ id }) => id)
        .slice(0, 12)
        .join(', ')}${targets.length > 12 ? ', ...' : ''}.`

/** The layers with the candidate of their pinned bit-width alone. */
export const pinned = (layers: readonly Layer[], bits: ReadonlyMap<NodeId, number>): Layer[] =>
  layers.map((layer) => {
    const width = bits.get(layer.node)
    return width === undefined ? layer : { ...layer, candidates: layer.candidates.filter((c) => c.bits === width) }
  })

/** The layers with nothing to choose, when `configurationOverwrite` says what each gets. */
export function overwritten(layers: readonly Layer[], { mixedPrecisionConfig }: FullConfig): Layer[] {
  const overwrite = mixedPrecisionConfig.configurationOverwrite
  if (!overwrite) return [...layers]
  const faults: string[] = []
  if (Array.isArray(overwrite)) {
    if (overwrite.length !== layers.length)
      faults.push(`${overwrite.length} indices were given for ${layers.length} layers`)
  } else
    for (const node of Object.keys(overwrite))
      if (!layers.some((layer) => layer.node === node)) faults.push(`there is no layer ${node}`)
  const result = layers.map((layer, i) => {
    const wanted = Array.isArray(overwrite) ? overwrite[i] : (overwrite as Readonly<Record<string, number>>)[layer.node]
    const found = Array.isArray(overwrite)
      ? layer.candidates[wanted ?? 0]
      : layer.candidates.find(({ bits }) => bits === (wanted ?? baseOf(layer).bits))
    if (!found) {
      const offered = layer.candidates.map(({ bits }) => bits).join(', ')
      faults.push(
        `${layer.node} has no ${Array.isArray(overwrite) ? 'candidate' : 'bit-width'} ${wanted} (it has ${offered})`,
      )
    }
    return { ...layer, candidates: [found ?? layer.candidates[0]!] }
  })
  if (faults.length > 0)
    throw new MixbitError('CONFIG_OVERWRITE', `configurationOverwrite cannot be followed: ${faults.join('; ')}.`, {
      hint: 'Give bits by node name, { conv1: 8, dense: 4 }, or one candidate index per layer, the widest first.',
      context: { faults },
    })
  return result
}
