import type { Node, OpKind } from '@mixbit/graph'
import type { ErrorMethod, Scheme } from '@mixbit/quantizers'
import * as v from 'valibot'

/** A rule of `debugConfig.networkEditor`: what the filter matches is quantized as the actions say. Later rules win, field by field. */
export interface EditRule {
  /** Everything that is given must hold. */
  readonly filter: {
    /** Of a node or of a value, exact or a glob with `*`. */
    readonly name?: string
    readonly kind?: OpKind
    /** The framework's own operator: `Conv`, `Relu`. */
    readonly op?: string
    readonly where?: (node: Node) => boolean
  }
  /** beforeSearch (default) changes what is chosen from, afterSearch what was chosen, whatever it costs. */
  readonly when?: 'beforeSearch' | 'afterSearch'
  readonly actions: {
    /** Of the weights of the matched nodes. */
    readonly weights?: WeightEdits
    /** Of what the matched nodes give. */
    readonly activations?: ActivationEdits
    /** Of the biases of the matched nodes. */
    readonly biasCorrection?: boolean
  }
}

export interface WeightEdits {
  /** In place of the candidates' bit-widths, also of those that the target does not offer; afterSearch: the one width. */
  readonly bits?: readonly number[]
  readonly scheme?: Scheme
  readonly perChannel?: boolean
  readonly errorMethod?: ErrorMethod
  /** Of every channel, in place of a search; powers of two round it up, uniform grids cover [-threshold, threshold]. */
  readonly threshold?: number
}

export interface ActivationEdits {
  readonly bits?: readonly number[]
  readonly scheme?: Scheme
  /** Of symmetric and power-of-two grids. */
  readonly signed?: boolean
  readonly errorMethod?: ErrorMethod
  /** Least and greatest value, in place of what was observed. */
  readonly range?: readonly [number, number]
}

const bits = v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(16))), v.minLength(1))
const scheme = v.picklist(['symmetric', 'uniform', 'powerOfTwo'])
const errorMethod = v.picklist(['NOCLIPPING', 'MSE', 'MAE', 'LP', 'KL'])
const finite = v.pipe(v.number(), v.finite())
const something = <T extends object>() =>
  v.check<T, string>((value) => Object.keys(value).length > 0, 'Nothing is given.')

/** The form of a rule. */
export const editRule = v.pipe(
  v.strictObject({
    filter: v.pipe(
      v.strictObject({
        name: v.optional(v.string()),
        kind: v.optional(v.string()),
        op: v.optional(v.string()),
        where: v.optional(v.function()),
      }),
      something(),
    ),
    when: v.optional(v.picklist(['beforeSearch', 'afterSearch'])),
    actions: v.pipe(
      v.strictObject({
        weights: v.optional(
          v.pipe(
            v.strictObject({
              bits: v.optional(bits),
              scheme: v.optional(scheme),
              perChannel: v.optional(v.boolean()),
              errorMethod: v.optional(errorMethod),
              threshold: v.optional(v.pipe(finite, v.gtValue(0))),
            }),
            something(),
          ),
        ),
        activations: v.optional(
          v.pipe(
            v.strictObject({
              bits: v.optional(bits),
              scheme: v.optional(scheme),
              signed: v.optional(v.boolean()),
              errorMethod: v.optional(errorMethod),
              range: v.optional(
                v.pipe(
                  v.tuple([finite, finite]),
                  v.check(([low, high]) => low < high, 'Give the smaller number first.'),
                ),
              ),
            }),
            something(),
          ),
        ),
        biasCorrection: v.optional(v.boolean()),
      }),
      something(),
    ),
  }),
  v.check(
    ({ when, actions: { weights, activations } }) =>
      when !== 'afterSearch' || [weights, activations].every((edits) => (edits?.bits?.length ?? 1) === 1),
    'afterSearch takes one bit-width.',
  ),
)
