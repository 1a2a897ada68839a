import { opKinds } from '@mixbit/graph'
import * as v from 'valibot'
import { rulesOf } from './operator-rule.ts'
import type { ActivationsConfig, WeightsConfig } from './target-platform.ts'

/** The version of the JSON form that this code reads. */
export const schemaVersion = 1

/** An object of these fields alone. */
const object = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.strictObject(entries, ({ expected, received, message }) =>
    expected === 'never' ? 'There is no such field.' : received === 'undefined' ? 'This field is missing.' : message,
  )

const text = v.pipe(v.string(), v.minLength(1))
const width = v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(16))
const widths = v.pipe(v.array(width), v.minLength(1, 'The candidate set is empty: name at least one bit-width.'))
const kind = v.picklist(opKinds)
const scheme = v.picklist(['symmetric', 'uniform', 'powerOfTwo'])
const signedness = v.picklist(['auto', 'signed', 'unsigned'])

const tables = v.array(v.picklist(['midRise', 'ternary', 'kMeans', 'lutSymmetric', 'lutPowerOfTwo']))
const weightWidth = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16))

const weights = {
  bits: v.pipe(v.array(weightWidth), v.minLength(1, 'The candidate set is empty: name at least one bit-width.')),
  base: v.optional(weightWidth),
  scheme,
  tables: v.optional(tables),
  perChannel: v.boolean(),
}
const activations = { bits: widths, base: v.optional(width), scheme, signedness: v.optional(signedness) }

/** The form alone, which is also published as JSON schema. */
export const platformForm = object({
  $schema: v.optional(v.string()),
  schemaVersion: v.literal(schemaVersion),
  name: text,
  version: text,
  description: v.optional(v.string()),
  weights: object(weights),
  activations: v.optional(object(activations)),
  operatorSets: v.array(
    object({
      name: text,
      kinds: v.optional(v.array(kind)),
      ops: v.optional(v.array(text)),
      quantized: v.optional(v.union([v.boolean(), v.literal('weights')])),
      weights: v.optional(v.partial(object(weights))),
      activations: v.optional(v.partial(object(activations))),
      follows: v.optional(v.boolean()),
      preserving: v.optional(v.boolean()),
      supportedInputBits: v.optional(widths),
    }),
  ),
  fusingPatterns: v.optional(v.array(v.pipe(v.array(text), v.minLength(2)))),
  simdWidth: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
})

export type PlatformData = v.InferOutput<typeof platformForm>

type Path = readonly (string | number)[]
interface Fault {
  readonly path: Path
  readonly message: string
}

const fault = (message: string, ...path: Path): Fault => ({ path, message })

/** What contradicts itself although every field has its form. */
const contradictions = (platform: PlatformData): Fault[] => [
  ...configFaults(platform.weights, 'weights'),
  ...configFaults(platform.activations, 'activations'),
  ...platform.operatorSets.flatMap((_, i) => setFaults(platform, i)),
  ...patternFaults(platform),
]

function setFaults(platform: PlatformData, i: number): Fault[] {
  const set = platform.operatorSets[i]!
  const at = (name: string, message: string) => fault(message, 'operatorSets', i, name)
  const { weights, activations } = rulesOf(platform, set)
  const twin = platform.operatorSets.findIndex(({ name }) => name === set.name)
  return [
    ...(twin < i ? [at('name', `operatorSets.${twin} has this name too.`)] : []),
    ...(set.kinds?.length || set.ops?.length ? [] : [at('kinds', 'The set names neither kinds nor ops.')]),
    ...(set.activations && !platform.activations
      ? [at('activations', 'The platform has no activations that these could differ from.')]
      : []),
    ...(set.weights && weights ? configFaults(weights, 'operatorSets', i, 'weights') : []),
    ...(set.activations && activations ? configFaults(activations, 'operatorSets', i, 'activations') : []),
  ]
}

function configFaults(config: WeightsConfig | ActivationsConfig | undefined, ...path: Path): Fault[] {
  if (!config) return []
  const { base, bits, scheme } = config
  const signed = 'signedness' in config && config.signedness !== undefined && config.signedness !== 'auto'
  return [
    ...(base !== undefined && !bits.includes(base)
      ? [fault(`The base of ${base} bits is none of the candidates ${bits.join(', ')}.`, ...path, 'base')]
      : []),
    ...('perChannel' in config && bits.includes(1) && !config.tables?.length
      ? [fault('One bit needs tables of levels: name midRise or kMeans.', ...path, 'bits')]
      : []),
    ...(signed && scheme === 'uniform'
      ? [fault('Uniform grids have a zero point and no sign: leave signedness at auto.', ...path, 'signedness')]
      : []),
  ]
}

function patternFaults({ operatorSets, fusingPatterns = [] }: PlatformData): Fault[] {
  const known = new Set<string>([...operatorSets.map(({ name }) => name), ...opKinds])
  return fusingPatterns.flatMap((pattern, i) =>
    pattern.flatMap((name, k) =>
      known.has(name)
        ? []
        : [fault(`There is no operator set and no kind ${JSON.stringify(name)}.`, 'fusingPatterns', i, k)],
    ),
  )
}

/** The whole check: the form, then what contradicts itself. */
export const platformSchema = v.pipe(
  platformForm,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const { path, message } of contradictions(dataset.value))
      addIssue({ message, path: issuePath(dataset.value, path) })
  }),
)

/** A path as valibot wants it: every key with what holds it and what it holds. */
function issuePath(root: unknown, path: Path): [v.IssuePathItem, ...v.IssuePathItem[]] {
  let input = root as never
  return path.map((key) => {
    const item = { type: 'unknown' as const, origin: 'value' as const, input, key, value: input?.[key] }
    input = input?.[key] as never
    return item
  }) as unknown as [v.IssuePathItem, ...v.IssuePathItem[]]
}
