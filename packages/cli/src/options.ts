import type { CoreConfig } from '@mixbit/core'
import type { Command } from 'commander'
import type { OnnxRuntime } from './backend.ts'
import type { LoadOptions } from './inputs/load.ts'
import type { DType } from './mixbit.ts'
import * as parse from './parse.ts'

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly debug?: boolean
  readonly threads?: number
  readonly runtime?: OnnxRuntime
}

/** Options that say where inputs come from. */
export interface DataOptions {
  readonly calibration?: string
  readonly samples?: number
  readonly seed?: number
  readonly preset?: string
  readonly resize?: number
  readonly crop?: number[]
  readonly mean?: number[]
  readonly std?: number[]
  readonly scale?: number
  readonly layout?: 'nchw' | 'nhwc'
  readonly channels?: 'rgb' | 'bgr' | 'gray'
  readonly dtype?: DType
  readonly shape?: number[]
  readonly recordSkip?: number
  readonly inputShape?: ReadonlyMap<string, readonly number[]>
  readonly inputRange?: [number, number]
  readonly set?: ReadonlyMap<string, string>
}

type Weighting = NonNullable<NonNullable<CoreConfig['mixedPrecisionConfig']>['distanceWeightingMethod']>

/** Options of the sweep. */
export interface SweepOptions {
  readonly distanceWeighting?: Weighting
  readonly rounding?: 'errorCompensating' | 'nearest'
  readonly numOfImages?: number
  readonly memoryLimit?: number
  /** A name, or the path of a JSON file. */
  readonly target?: string
  readonly bits?: number[]
  readonly pinWeights?: ReadonlyMap<string, number>
  readonly pinActivations?: ReadonlyMap<string, number>
  readonly checkpoint?: string
  readonly resume?: boolean
  readonly config?: string
}

export function addCommon(command: Command): Command {
  return command
    .option('--threads <n>', 'threads of one session', parse.integer('--threads', 1))
    .option('--json', 'print the result as JSON, and no progress')
    .option('-q, --quiet', 'no progress and no warnings')
    .option('--debug', 'show the stack of an error')
}

export function addBudget(command: Command): Command {
  return command
    .option('--weights-memory <size>', 'budget of the weights: 25%, "250 kB" or bytes')
    .option('--file-size <size>', 'budget of the whole file: 25%, "250 kB" or bytes')
    .option('--transfer-size <size>', 'TF.js: budget of the files on the wire, under brotli')
    .option('--activation-memory <size>', 'budget of the activations alive at the worst moment (needs --target)')
    .option('--total-memory <size>', 'budget of weights and activations together')
    .option('--bops <number>', 'budget of bit operations: 20%, or macs x activation bits x weight bits')
}

/** What runs ONNX models, for commands that run one. */
export function addRuntime(command: Command): Command {
  return command.option(
    '--runtime <runtime>',
    'for ONNX: node (default), or web: onnxruntime-web on one thread, number for number what a browser tab computes',
    parse.oneOf('--runtime', ['node', 'web']),
  )
}

export function addData(command: Command, flag = '-c, --calibration <source>'): Command {
  return addRuntime(command)
    .option(flag, 'folder of pictures, .npy, .npz, .json, raw binary file, or "random"')
    .option('--samples <n>', 'use at most so many samples (pictures and random: 64)', parse.integer('--samples', 1))
    .option('--seed <n>', 'seed of random inputs', parse.integer('--seed'), 0)
    .option('--preset <name>', 'preprocessing: imagenet, imagenet-tf, caffe, cifar10, unit, raw (default: unit)')
    .option('--resize <pixels>', 'short side of pictures before the crop', parse.integer('--resize', 1))
    .option(
      '--crop <size>',
      'centre crop, for models without a fixed size: 224 or height,width',
      parse.integers('--crop'),
    )
    .option(
      '--mean <numbers>',
      'per channel in the order the model takes them, subtracted after --scale',
      parse.numbers('--mean'),
    )
    .option('--std <numbers>', 'per channel, divided by after --mean', parse.numbers('--std'))
    .option('--scale <number>', 'multiplies the pixels 0..255 first', parse.single('--scale'))
    .option(
      '--layout <layout>',
      'nchw or nhwc (default: from the input shape)',
      parse.oneOf('--layout', ['nchw', 'nhwc']),
    )
    .option('--channels <order>', 'rgb, bgr or gray', parse.oneOf('--channels', ['rgb', 'bgr', 'gray']))
    .option('--dtype <type>', 'element type of a raw file: f32, u8, i64, u16 ...', parse.dtype('--dtype'))
    .option('--shape <extents>', 'shape of one sample in a raw file: 1,3,32,32', parse.integers('--shape'))
    .option('--record-skip <bytes>', 'bytes to skip before every sample of a raw file', parse.integer('--record-skip'))
    .option('--input-shape <name=extents>', 'extents of dynamic inputs (repeatable)', parse.shapes('--input-shape'))
    .option('--input-range <low,high>', 'integers of random inputs', parse.pair('--input-range'))
    .option(
      '--set <name=value>',
      'constant input: zeros, ones, a number or numbers (repeatable)',
      parse.assignment('--set'),
    )
}

export function addSweep(command: Command): Command {
  return command
    .option(
      '--distance-weighting <method>',
      'AVG, LAST_LAYER, EXP, HESSIAN, OUTPUT, or BEST of these by measured output loss (default: AVG)',
      parse.oneOf('--distance-weighting', ['AVG', 'LAST_LAYER', 'EXP', 'HESSIAN', 'OUTPUT', 'BEST']),
    )
    .option(
      '--rounding <method>',
      'errorCompensating (default): so that errors of a layer compensate; or nearest',
      parse.oneOf('--rounding', ['errorCompensating', 'nearest']),
    )
    .option(
      '--num-of-images <n>',
      'samples of the sensitivity (default: as many as its precision takes, up to 32, for OUTPUT 128)',
      parse.integer('--num-of-images', 1),
    )
    .option('--memory-limit <bytes>', 'most bytes of cached activations', parse.integer('--memory-limit', 1))
    .option('--target <platform>', 'weights-only (default), another name of "mixbit targets", or a JSON file')
    .option('--bits <widths>', 'weight bit-widths to choose from: 8,4,2', parse.integers('--bits', 1))
    .option(
      '--pin-weights <name=bits>',
      'no search for these layers; a name or a glob, "conv*=8" (repeatable)',
      parse.widths('--pin-weights'),
    )
    .option(
      '--pin-activations <name=bits>',
      'the same for activations, by node or value (repeatable)',
      parse.widths('--pin-activations'),
    )
    .option('--checkpoint <file>', 'where the sweep is kept while it runs')
    .option('--resume', 'go on with an interrupted sweep (the default)')
    .option('--no-resume', 'start the sweep anew')
    .option('--config <file>', 'JSON with any of these options in camelCase and the sections of CoreConfig')
}

/** What the input reader wants, from the flags. */
export function inputOptions(options: DataOptions, source: string): LoadOptions {
  const { samples, seed, set, inputRange, dtype, shape, recordSkip } = options
  const { preset, resize, crop, mean, std, scale, layout, channels } = options
  return {
    source,
    samples,
    seed,
    set,
    inputRange,
    dtype,
    shape,
    recordSkip,
    inputShapes: options.inputShape,
    image: { preset, resize, crop, mean, std, scale, layout, channels },
  }
}
