import { opKinds } from '@mixbit/graph'
import { rulesOf } from './operator-rule.ts'
import type { ActivationsConfig, TargetPlatform, WeightsConfig } from './target-platform.ts'

/** What contradicts itself in a platform although every field has its form: sentences that begin with the path. */
export const contradictions = (platform: TargetPlatform): string[] => [
  ...configFaults('weights', platform.weights),
  ...configFaults('activations', platform.activations),
  ...platform.operatorSets.flatMap((_, i) => setFaults(platform, i)),
  ...patternFaults(platform),
]

function setFaults(platform: TargetPlatform, i: number): string[] {
  const set = platform.operatorSets[i]!
  const at = `operatorSets.${i}`
  const { weights, activations } = rulesOf(platform, set)
  const twin = platform.operatorSets.findIndex(({ name }) => name === set.name)
  return [
    ...(twin < i ? [`${at}.name: operatorSets.${twin} has this name too`] : []),
    ...(set.kinds?.length || set.ops?.length ? [] : [`${at}.kinds: The set names neither kinds nor ops`]),
    ...(set.activations && !platform.activations
      ? [`${at}.activations: The platform has no activations that these could differ from`]
      : []),
    ...(set.weights ? configFaults(`${at}.weights`, weights) : []),
    ...(set.activations ? configFaults(`${at}.activations`, activations) : []),
  ]
}

function configFaults(at: string, config: WeightsConfig | ActivationsConfig | null | undefined): string[] {
  if (!config) return []
  const { base, bits, scheme } = config
  const hasSign = 'signedness' in config && config.signedness !== undefined && config.signedness !== 'auto'
  return [
    ...(base !== undefined && !bits.includes(base)
      ? [`${at}.base: The base of ${base} bits is none of the candidates ${bits.join(', ')}`]
      : []),
    ...('perChannel' in config && bits.includes(1) && !config.tables?.length
      ? [`${at}.bits: One bit needs a table of levels: name midRise or kMeans in tables`]
      : []),
    ...(hasSign && scheme === 'uniform'
      ? [`${at}.signedness: Uniform grids have a zero point and no sign: leave signedness at auto`]
      : []),
  ]
}

function patternFaults({ operatorSets, fusingPatterns = [] }: TargetPlatform): string[] {
  const known = new Set<string>([...operatorSets.map(({ name }) => name), ...opKinds])
  return fusingPatterns.flatMap((pattern, i) =>
    pattern.flatMap((name, k) =>
      known.has(name) ? [] : [`fusingPatterns.${i}.${k}: There is no operator set and no kind ${JSON.stringify(name)}`],
    ),
  )
}
