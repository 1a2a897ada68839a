import { MixbitError, type OpKind } from '@mixbit/graph'
import type { TableScheme } from '@mixbit/quantizers'
import * as v from 'valibot'

/** Data that says which candidates a runtime can execute. */
export interface TargetPlatform {
  readonly name: string
  readonly version: string
  /** Bit-widths of weights, by op kind; `default` holds for every kind that is not named. Empty: that kind stays float. */
  readonly weights: Readonly<Record<string, readonly number[]>>
  /** Scheme of the weight grids. */
  readonly weightsScheme: 'symmetric' | 'uniform' | 'powerOfTwo'
  /** Further schemes of 4 bits and less, as tables of int8 levels: each layer takes the one that loses least. */
  readonly weightsTables: readonly TableScheme[]
  /** One scale per output channel (true) or one for the whole tensor. */
  readonly weightsPerChannel: boolean
  /** Bit-widths of activations; none leaves them in float. Budgets on weights alone take the widest. */
  readonly activationBits: readonly number[]
  /** Scheme of the activation grids, one for each whole tensor. */
  readonly activationScheme: 'symmetric' | 'uniform' | 'powerOfTwo'
  /** Kinds whose inputs and outputs are quantized when `activationBits` is set. */
  readonly activationKinds: readonly OpKind[]
}

const schema = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1)),
  version: v.string(),
  weights: v.record(v.string(), v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16)))),
  weightsScheme: v.picklist(['symmetric', 'uniform', 'powerOfTwo']),
  weightsTables: v.array(v.picklist(['midRise', 'ternary', 'kMeans', 'lutSymmetric', 'lutPowerOfTwo'])),
  weightsPerChannel: v.boolean(),
  activationBits: v.array(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(8))),
  activationScheme: v.picklist(['symmetric', 'uniform', 'powerOfTwo']),
  activationKinds: v.array(v.string()),
})

const weightsOnly: TargetPlatform = {
  name: 'weights-only',
  version: '1',
  weights: { default: [8, 6, 4, 3, 2, 1] },
  weightsScheme: 'symmetric',
  weightsTables: ['midRise', 'kMeans'],
  weightsPerChannel: true,
  activationBits: [],
  activationScheme: 'uniform',
  activationKinds: [],
}

/** The built-in target platforms by name. */
export const targetPlatforms: Readonly<Record<string, TargetPlatform>> = {
  'weights-only': weightsOnly,
  onnxruntime: {
    ...weightsOnly,
    name: 'onnxruntime',
    activationBits: [8, 4, 2],
    activationKinds: ['conv', 'depthwiseConv', 'dense'],
  },
  imx500: {
    ...weightsOnly,
    name: 'imx500',
    weights: { default: [8, 4, 2] },
    weightsTables: [],
    activationBits: [8, 4, 2],
    activationScheme: 'powerOfTwo',
    activationKinds: ['conv', 'depthwiseConv', 'dense'],
  },
}

/**
 * A target platform by name, or validated data.
 * @throws MixbitError `TARGET_PLATFORM_UNKNOWN`, or `TARGET_PLATFORM_INVALID` with every fault and its field.
 */
export function targetPlatform(platform: string | TargetPlatform = 'weights-only'): TargetPlatform {
  if (typeof platform === 'string') {
    const found = Object.hasOwn(targetPlatforms, platform) ? targetPlatforms[platform] : undefined
    if (found) return found
    throw new MixbitError('TARGET_PLATFORM_UNKNOWN', `There is no target platform named ${JSON.stringify(platform)}.`, {
      hint: `Take one of ${Object.keys(targetPlatforms).join(', ')}, or give the platform as data.`,
    })
  }
  const result = v.safeParse(schema, platform)
  if (result.success) return platform
  const faults = result.issues.map((issue) => `${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`)
  throw new MixbitError('TARGET_PLATFORM_INVALID', `The target platform is not valid. ${faults.join(' ')}`, {
    hint: `Compare it with a built-in one: ${JSON.stringify(weightsOnly)}`,
    context: { faults },
  })
}

/** The widest weights that have tables of levels. */
const mostTableBits = 4

/** What the weights of a width can be put on: the platform's own scheme first, unless one bit is too few for it, then tables. */
export const schemesFor = (
  { weightsScheme, weightsTables }: TargetPlatform,
  bits: number,
): (TableScheme | 'uniform')[] => [
  ...(bits > 1 || weightsTables.length === 0 ? [weightsScheme] : []),
  ...(bits <= mostTableBits ? weightsTables : []),
]
