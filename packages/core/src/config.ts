import { MixbitError, type OpKind, type Tensor } from '@mixbit/graph'
import type { FewPoints } from '@mixbit/sensitivity'
import * as v from 'valibot'
import { type EditRule, editRule } from './edit-rule.ts'

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0))
const atLeastZero = v.pipe(v.number(), v.finite(), v.minValue(0))
const custom = v.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', 'Expected a function.')
const errorMethods = ['NOCLIPPING', 'MSE', 'MAE', 'LP', 'KL'] as const
const errorMethod = v.picklist(errorMethods)

const bitWidthRule = v.strictObject({
  match: v.pipe(
    v.strictObject({ name: v.optional(v.string()), kind: v.optional(v.string()) }),
    v.check((match) => match.name !== undefined || match.kind !== undefined, 'Give a name or a kind.'),
  ),
  bits: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16)),
})

const schema = v.strictObject({
  quantizationConfig: v.optional(
    v.strictObject({
      weightsErrorMethod: v.optional(v.picklist([...errorMethods, 'HMSE']), 'MSE'),
      activationErrorMethod: v.optional(errorMethod, 'MSE'),
      weightsRounding: v.optional(v.picklist(['nearest', 'errorCompensating']), 'errorCompensating'),
      weightsChannelCoupling: v.optional(v.union([v.boolean(), v.literal('measured')]), 'measured'),
      weightsBiasCorrection: v.optional(v.boolean(), true),
      weightsSecondMomentCorrection: v.optional(v.boolean(), false),
      activationBiasCorrection: v.optional(v.boolean(), false),
      activationBiasCorrectionThreshold: v.optional(atLeastZero, 0),
      shiftNegativeActivationCorrection: v.optional(v.boolean(), true),
      shiftNegativeRatio: v.optional(atLeastZero, 0.05),
      shiftNegativeThresholdRecalculation: v.optional(v.boolean(), false),
      shiftNegativeParamsSearch: v.optional(v.boolean(), false),
      activationChannelEqualization: v.optional(v.boolean(), false),
      reluBoundToPowerOf2: v.optional(v.boolean(), false),
      concatThresholdUpdate: v.optional(v.boolean(), false),
      softmaxShift: v.optional(v.boolean(), false),
      lPValue: v.optional(positive, 2),
      zThreshold: v.optional(v.pipe(v.number(), v.gtValue(0)), Number.POSITIVE_INFINITY),
      linearCollapsing: v.optional(v.boolean(), true),
      residualCollapsing: v.optional(v.boolean(), true),
    }),
    {},
  ),
  mixedPrecisionConfig: v.optional(
    v.strictObject({
      distanceWeightingMethod: v.optional(v.picklist(['AVG', 'LAST_LAYER', 'EXP', 'HESSIAN', 'OUTPUT', 'BEST'])),
      numOfImages: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
      sensitivityTolerance: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
      numInterestPointsFactor: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1)), 1),
      metricNormalization: v.optional(v.picklist(['NONE', 'MAXBIT', 'MINBIT']), 'NONE'),
      metricEpsilon: v.optional(v.nullable(v.pipe(v.number(), v.finite(), v.minValue(0))), 1e-6),
      metricNormalizationThreshold: v.optional(positive, 1e10),
      expDistanceWeightingSigma: v.optional(positive, 0.1),
      computeDistanceFn: v.optional(custom),
      customMetricFn: v.optional(custom),
      outputLossFn: v.optional(custom),
      interactions: v.optional(v.boolean(), false),
      remeasure: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
      memoryLimit: v.optional(positive, 256e6),
      keepAllDistances: v.optional(v.boolean(), true),
      useHessianBasedScores: v.optional(v.boolean(), false),
      hessianBatchSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 32),
      refineMpSolution: v.optional(v.boolean(), true),
      normScores: v.optional(v.boolean()),
      configurationOverwrite: v.optional(
        v.union([v.array(v.pipe(v.number(), v.integer())), v.record(v.string(), v.pipe(v.number(), v.integer()))]),
      ),
    }),
    {},
  ),
  bitWidthConfig: v.optional(
    v.strictObject({
      weights: v.optional(v.array(bitWidthRule), []),
      activations: v.optional(v.array(bitWidthRule), []),
    }),
    {},
  ),
  debugConfig: v.optional(
    v.strictObject({
      bypass: v.optional(v.boolean(), false),
      analyzeSimilarity: v.optional(v.boolean(), false),
      simulateScheduler: v.optional(v.boolean(), false),
      networkEditor: v.optional(v.array(editRule), []),
    }),
    {},
  ),
})

/** A rule of `bitWidthConfig`: nodes by name (exact or a glob with `*`) and/or kind get this bit-width. Later rules win. */
export interface BitWidthRule {
  readonly match: { readonly name?: string; readonly kind?: OpKind }
  readonly bits: number
}

/** How well a quantized model serves, as a number that grows with the damage; `run` executes the candidate model. */
export type CustomMetric = (
  run: (feeds: ReadonlyMap<string, Tensor>) => Promise<ReadonlyMap<string, Tensor>>,
) => Promise<number> | number

/** The distance of one sample at one point; shapes as the model gives them, batch included. */
export type ComputeDistance = (float: Float32Array, quantized: Float32Array, shape: readonly number[]) => number

/** How much worse the quantized model is at one sample: both maps hold its float outputs by name. */
export type OutputLoss = (float: ReadonlyMap<string, Tensor>, quantized: ReadonlyMap<string, Tensor>) => number

/** Every option of the job, all optional; the names are MCT's in camelCase. */
export interface CoreConfig {
  readonly quantizationConfig?: {
    /**
     * Error that the threshold search of weights minimizes. HMSE counts each weight by the mean square of what it is multiplied
     * with: half the second derivative of the layer's squared output error. Error-compensating rounding always does. Default MSE.
     */
    readonly weightsErrorMethod?: 'NOCLIPPING' | 'MSE' | 'MAE' | 'LP' | 'KL' | 'HMSE'
    /** The same for activations. Default MSE. */
    readonly activationErrorMethod?: 'NOCLIPPING' | 'MSE' | 'MAE' | 'LP' | 'KL'
    /**
     * How weights go to their grids: each to the nearest point, or so that the errors of a layer compensate for each other and
     * for those of the layers before (GPTQ, without training). Default errorCompensating.
     */
    readonly weightsRounding?: 'nearest' | 'errorCompensating'
    /**
     * Rounds the layers of up to 4 bits with all their output channels in view, weighed by the gradients of the model's outputs on up to 256
     * samples. Needs an adapter that gives gradients. Default `'measured'`: with 256 samples or more both ways are tried, and the one with the
     * lower model output loss, on up to 1024 samples, is written.
     */
    readonly weightsChannelCoupling?: boolean | 'measured'
    /** Corrects biases by the mean output shift that weight rounding causes. Default true. */
    readonly weightsBiasCorrection?: boolean
    /** Gives every channel of a layer's output the mean and the deviation that it has in the float model. Default false. */
    readonly weightsSecondMomentCorrection?: boolean
    /** Corrects biases of dense and 1x1 layers by the mean shift of the activation that they read. Default false. */
    readonly activationBiasCorrection?: boolean
    /** Only for activations whose mean moves by at least this many percent. Default 0. */
    readonly activationBiasCorrectionThreshold?: number
    /** Shifts activations that go a little below zero, so that symmetric grids need no sign. Default true. */
    readonly shiftNegativeActivationCorrection?: boolean
    /** How far below zero they may go, as a share of the threshold. Default 0.05. */
    readonly shiftNegativeRatio?: number
    /** Searches the threshold of what is shifted anew, instead of keeping the one it had. Default false. */
    readonly shiftNegativeThresholdRecalculation?: boolean
    /** Searches the shift and the threshold (kept or doubled) for the least squared error. Default false. */
    readonly shiftNegativeParamsSearch?: boolean
    /** Scales channels between two layers, so that those which vary much do not decide the grid. Default false. */
    readonly activationChannelEqualization?: boolean
    /** Bounds ReLU6 by 8 and scales the layers around it. Default false. */
    readonly reluBoundToPowerOf2?: boolean
    /** Gives all that goes into a concat the largest of their thresholds. Default false. */
    readonly concatThresholdUpdate?: boolean
    /** Centres the logits that a softmax reads. Default false. */
    readonly softmaxShift?: boolean
    /** p of the LP error. Default 2. */
    readonly lPValue?: number
    /** Histogram bins of activations further than this many standard deviations are left out. Default Infinity: none. */
    readonly zThreshold?: number
    /** Merges a convolution and a following 1x1 convolution where that is exact and smaller. Default true. */
    readonly linearCollapsing?: boolean
    /** Merges `x + conv(x)` into the kernel where that is exact. Default true. */
    readonly residualCollapsing?: boolean
  }
  readonly mixedPrecisionConfig?: {
    /**
     * How distances at the interest points become one number. BEST builds the model that each of the others chooses and takes
     * the one with the least measured output loss. Default AVG.
     */
    readonly distanceWeightingMethod?: 'AVG' | 'LAST_LAYER' | 'EXP' | 'HESSIAN' | 'OUTPUT' | 'BEST'
    /**
     * Samples of the representative dataset that the sweep uses, at most. Default 32, for OUTPUT 128: losses at the output are mostly those
     * of the few samples that are hard, and with 32 of them chance decides.
     */
    readonly numOfImages?: number
    /**
     * The sweep stops at eight samples or more once the standard error of the typical candidate's sensitivity is this share of it, in [0, 1];
     * 0 takes all `numOfImages`. Default 0.1; 0 where `numOfImages` is given, and for HESSIAN and BEST.
     */
    readonly sensitivityTolerance?: number
    /** Share of the interest points that is used, in (0, 1]. Default 1. */
    readonly numInterestPointsFactor?: number
    readonly metricNormalization?: 'NONE' | 'MAXBIT' | 'MINBIT'
    /** Lifts every candidate above the widest one by this; null leaves the metric as it is. Default 1e-6. */
    readonly metricEpsilon?: number | null
    readonly metricNormalizationThreshold?: number
    /** Sigma of EXP. Default 0.1. */
    readonly expDistanceWeightingSigma?: number
    /** Replaces the distance at every interest point. */
    readonly computeDistanceFn?: ComputeDistance
    /** Replaces distances and weighting altogether. */
    readonly customMetricFn?: CustomMetric
    /**
     * Replaces the model output loss wherever it is measured: by OUTPUT, BEST, `remeasure` and in the report. One number per sample,
     * from the float outputs of both models by name; it grows with the damage. Default: KL divergence for logits and probabilities,
     * else the distance of the output's kind.
     */
    readonly outputLossFn?: OutputLoss
    /**
     * Counts how errors of different layers add up or cancel at the outputs (Gauss-Newton), instead of summing sensitivities.
     * One more sweep over the outputs. Default false.
     */
    readonly interactions?: boolean
    /**
     * Rounds in which changes of one or two layers are measured as whole models; the best is taken if the measured output loss
     * falls. Default 0.
     */
    readonly remeasure?: number
    /** Bytes of cached activations that the sweep may hold; more samples are taken in chunks. Default 256e6. */
    readonly memoryLimit?: number
    /**
     * false: LAST_LAYER and OUTPUT measure only the points that they read, in about half the time; the table then serves no
     * other weighting. Default true.
     */
    readonly keepAllDistances?: boolean
    /** Another way to say distanceWeightingMethod HESSIAN. Default false. */
    readonly useHessianBasedScores?: boolean
    /** Samples that the scores of HESSIAN are the mean of. Default 32. */
    readonly hessianBatchSize?: number
    /** Widens layers where the budget allows it and the summed sensitivity does not grow. Default true. */
    readonly refineMpSolution?: boolean
    /** Accepted and not used, as in MCT. */
    readonly normScores?: boolean
    /** Takes these bits and does not search: by node name (the others take their base), or candidate indices of all layers. */
    readonly configurationOverwrite?: Readonly<Record<string, number>> | readonly number[]
  }
  readonly bitWidthConfig?: {
    readonly weights?: readonly BitWidthRule[]
    /** Names and kinds are those of the nodes that give the activation, or its own name. */
    readonly activations?: readonly BitWidthRule[]
  }
  readonly debugConfig?: {
    /** Reads and writes the model, and changes nothing. */
    readonly bypass?: boolean
    /** Compares the simulation with the float model behind every node. Default false. */
    readonly analyzeSimilarity?: boolean
    /** Reports the memory of activations node by node, with the tensors alive at the peak. Default false. */
    readonly simulateScheduler?: boolean
    /** Rules that change candidates, grids and bias correction of single nodes, before or after the search. Default none. */
    readonly networkEditor?: readonly EditRule[]
  }
}

/** A config with every default filled in. */
export type FullConfig = { readonly [K in keyof CoreConfig]-?: Required<NonNullable<CoreConfig[K]>> }

/** The faults that no single field has. */
function contradictions({ mixedPrecisionConfig = {} }: CoreConfig): string[] {
  const {
    useHessianBasedScores,
    distanceWeightingMethod: method,
    customMetricFn,
    computeDistanceFn,
    outputLossFn,
    interactions,
  } = mixedPrecisionConfig
  return [
    ...(useHessianBasedScores && method !== undefined && method !== 'HESSIAN'
      ? [`mixedPrecisionConfig: useHessianBasedScores is on, and distanceWeightingMethod is ${method}`]
      : []),
    ...(customMetricFn && (method !== undefined || useHessianBasedScores || computeDistanceFn)
      ? ['mixedPrecisionConfig: a customMetricFn takes the place of every distance and weighting, and one is set too']
      : []),
    ...(interactions && (outputLossFn || customMetricFn)
      ? ['mixedPrecisionConfig: interactions need the curvature of the output loss, which nobody knows of a function']
      : []),
  ]
}

/**
 * Validates a config and fills in the defaults.
 * @throws MixbitError `CONFIG_INVALID` that lists all faults at once, each with its path.
 */
export function fullConfig(config: CoreConfig = {}): FullConfig {
  const result = v.safeParse(schema, config)
  const faults = result.success
    ? contradictions(config)
    : result.issues.map((issue) => `${v.getDotPath(issue) ?? 'coreConfig'}: ${issue.message}`)
  if (result.success && faults.length === 0) {
    const { mixedPrecisionConfig, ...rest } = result.output
    const {
      useHessianBasedScores,
      distanceWeightingMethod = useHessianBasedScores ? 'HESSIAN' : 'AVG',
      numOfImages: given,
      numOfImages = distanceWeightingMethod === 'OUTPUT' ? 128 : 32,
      sensitivityTolerance = given !== undefined || ['HESSIAN', 'BEST'].includes(distanceWeightingMethod) ? 0 : 0.1,
    } = mixedPrecisionConfig
    const settled = { distanceWeightingMethod, numOfImages, sensitivityTolerance }
    return { ...rest, mixedPrecisionConfig: { ...mixedPrecisionConfig, ...settled } } as unknown as FullConfig
  }
  throw new MixbitError('CONFIG_INVALID', `The config has ${faults.length} fault(s): ${faults.join('; ')}`, {
    hint: 'Options have the names of the reference page on CoreConfig.',
    context: { faults },
  })
}

/** The weighting that the distances are measured for alone, if any. */
export function onlyForOf({ mixedPrecisionConfig }: FullConfig): FewPoints | null {
  const { keepAllDistances, distanceWeightingMethod: method } = mixedPrecisionConfig
  return !keepAllDistances && (method === 'LAST_LAYER' || method === 'OUTPUT') ? method : null
}
