import { opKinds } from '@mixbit/graph'
import * as v from 'valibot'

/** The version of the JSON form that this code reads. */
export const schemaVersion = 1

/** An object of these fields alone. */
const object = <Entries extends v.ObjectEntries>(entries: Entries) =>
  v.strictObject(entries, ({ expected, received, message }) =>
    expected === 'never' ? 'There is no such field' : received === 'undefined' ? 'This field is missing' : message,
  )

const text = v.pipe(v.string(), v.minLength(1))
const widthFrom = (least: number) => v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(16))
const width = widthFrom(2)
const weightWidth = widthFrom(1)
const candidates = (of: typeof width) =>
  v.pipe(v.array(of), v.minLength(1, 'The candidate set is empty: name at least one bit-width'))
const widths = candidates(width)
const kind = v.picklist(opKinds)
const scheme = v.picklist(['symmetric', 'uniform', 'powerOfTwo'])
const signedness = v.picklist(['auto', 'signed', 'unsigned'])

const tables = v.array(v.picklist(['midRise', 'ternary', 'kMeans', 'lutSymmetric', 'lutPowerOfTwo']))

const weights = {
  bits: candidates(weightWidth),
  base: v.optional(weightWidth),
  scheme,
  tables: v.optional(tables),
  perChannel: v.boolean(),
}
const activations = { bits: widths, base: v.optional(width), scheme, signedness: v.optional(signedness) }

/** The form, which is also published as JSON schema. */
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
