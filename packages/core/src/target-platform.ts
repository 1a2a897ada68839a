import { MixbitError, type OpKind } from '@mixbit/graph'
import * as v from 'valibot'
import imx500 from '../target-platforms/imx500.json' with { type: 'json' }
import onnxruntimeCpu from '../target-platforms/onnxruntime-cpu.json' with { type: 'json' }
import onnxruntimeWeb from '../target-platforms/onnxruntime-web.json' with { type: 'json' }
import tfjs from '../target-platforms/tfjs.json' with { type: 'json' }
import weightsOnly from '../target-platforms/weights-only.json' with { type: 'json' }
import { contradictions } from './target-platform-faults.ts'
import { type PlatformData, platformForm, schemaVersion } from './target-platform-schema.ts'

export type Scheme = 'symmetric' | 'uniform' | 'powerOfTwo'

/**
 * Grids with a table of levels: the odd integers around zero; -1, 0, 1; levels where the weights are (k-means); the same as MCT
 * does it, with a level at 0 and a scale from the largest weight, rounded up to a power of two or not.
 */
export type LevelTable = 'midRise' | 'ternary' | 'kMeans' | 'lutSymmetric' | 'lutPowerOfTwo'

/** The candidates of weights. */
export interface WeightsConfig {
  /** Bit-widths to choose from, 1 to 16. */
  readonly bits: readonly number[]
  /** The bit-width that a budget which leaves weights alone, or no budget, takes. Default: the widest. */
  readonly base?: number
  readonly scheme: Scheme
  /** Further grids of 4 bits and less, as tables of int8 levels: each layer takes the grid that loses least. Default: none. */
  readonly tables?: readonly LevelTable[]
  /** One scale per output channel (true) or one for the whole tensor. */
  readonly perChannel: boolean
}

/** The candidates of activations; one grid for each whole tensor. */
export interface ActivationsConfig {
  /** Bit-widths to choose from, 2 to 16. */
  readonly bits: readonly number[]
  /** The bit-width that a budget which leaves activations alone, or no budget, takes. Default: the widest. */
  readonly base?: number
  readonly scheme: Scheme
  /** Of symmetric and power-of-two grids. Default auto: signed if anything below 0 was observed or is possible. */
  readonly signedness?: 'auto' | 'signed' | 'unsigned'
}

/** What holds for some operators. A node belongs to the first set that names its op or its kind; without one it stays float. */
export interface OperatorSet {
  /** Unique; fusing patterns speak of it. */
  readonly name: string
  readonly kinds?: readonly OpKind[]
  /** The framework's own operators: `Relu`, `com.microsoft::Gelu`. */
  readonly ops?: readonly string[]
  /** What of these operators: weights and activations (true), weights alone, or nothing (false). Default true. */
  readonly quantized?: boolean | 'weights'
  /** What differs from the platform's `weights`; bits without a base have the widest as theirs. */
  readonly weights?: Partial<WeightsConfig>
  /** What differs from the platform's `activations`; the same of bits and base. */
  readonly activations?: Partial<ActivationsConfig>
  /** true: inputs and outputs are quantized only where an input already is. Default false. */
  readonly follows?: boolean
  /** The output is on the grid of the first input. Default: what the adapter says of the node. */
  readonly preserving?: boolean
  /** Bit-widths that the operators take; the greatest one limits the activations that they read. Default: all. */
  readonly supportedInputBits?: readonly number[]
}

/** Data that says which candidates a runtime or chip can execute; as JSON see `target-platform.schema.json`. */
export interface TargetPlatform {
  readonly $schema?: string
  readonly schemaVersion: typeof schemaVersion
  readonly name: string
  /** Of this data. */
  readonly version: string
  readonly description?: string
  readonly weights: WeightsConfig
  /** Left out: all activations stay float. */
  readonly activations?: ActivationsConfig
  readonly operatorSets: readonly OperatorSet[]
  /** Sequences of operators that run as one and have a quantizer only behind the last; names of operator sets, or kinds. */
  readonly fusingPatterns?: readonly (readonly string[])[]
  /** Channels that the target computes at once. Bit-widths do not depend on it; it is for tools that remove channels. */
  readonly simdWidth?: number
}

/** The built-in target platforms by name. */
export const targetPlatforms: Readonly<Record<string, TargetPlatform>> = Object.fromEntries(
  [weightsOnly, onnxruntimeCpu, onnxruntimeWeb, tfjs, imx500].map((data) => [data.name, data as PlatformData]),
)

/**
 * A target platform by name, or validated data (a copy).
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
  const given: unknown = Object(platform).schemaVersion
  const newer = typeof given === 'number' && given > schemaVersion
  const result = v.safeParse(platformForm, platform)
  const faults = newer
    ? [`schemaVersion: the data has version ${given}, and this Mixbit reads ${schemaVersion}`]
    : result.success
      ? contradictions(result.output)
      : result.issues.map((issue) => `${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`)
  if (result.success && faults.length === 0) return result.output
  throw new MixbitError('TARGET_PLATFORM_INVALID', `The target platform is not valid: ${faults.join('; ')}.`, {
    hint: newer ? 'Install a newer Mixbit.' : 'Compare it with a built-in one: `mixbit targets show imx500 --json`.',
    context: { faults },
  })
}

/** The platform with these weight bit-widths wherever it has any. */
export function withWeightBits(platform: TargetPlatform, bits: readonly number[]): TargetPlatform {
  const { base: _base, ...weights } = platform.weights
  return {
    ...platform,
    weights: { ...weights, bits },
    operatorSets: platform.operatorSets.map((set) => {
      const { base: _base, bits: _bits, ...own } = set.weights ?? {}
      return set.weights ? { ...set, weights: own } : set
    }),
  }
}
