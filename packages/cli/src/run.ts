import type { CoreConfig, TargetPlatform } from '@mixbit/core'
import type { Inputs } from '@mixbit/inputs'
import type { Command } from 'commander'
import { type Backend, loadBackend } from './backend.ts'
import type { FileCheckpoint } from './checkpoint.ts'
import { fileCheckpoint } from './checkpoint.ts'
import { applyConfigFile, type CoreSections } from './config-file.ts'
import { loadInputs } from './inputs/load.ts'
import type { Io } from './io.ts'
import { type Graph, MixbitError } from './mixbit.ts'
import { type CommonOptions, type DataOptions, inputOptions, type SweepOptions } from './options.ts'
import { type Progress, showProgress } from './progress.ts'
import { readTarget } from './target.ts'

/** What lasts for one run of the program. */
export interface Run {
  readonly io: Io
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal
  /** What a second Ctrl-C must still do. */
  readonly cleanups: Set<() => void>
}

/** What a command that measures needs. */
export interface Prepared<Options> extends Backend {
  readonly options: Options
  readonly sections: CoreSections
  readonly platform: TargetPlatform
  readonly graph: Graph
  readonly inputs: Inputs
  readonly progress: Progress
}

/** The engine, with the adapter for the format of a model. */
export const backend = (run: Run, { threads, runtime }: CommonOptions, model?: string): Promise<Backend> =>
  (run.io.load ?? loadBackend)({ threads, runtime, model })

/** Config file, backend, model and inputs, in the order in which a mistake costs least. */
export async function prepare<Options extends CommonOptions & DataOptions & SweepOptions>(
  run: Run,
  command: Command,
  model: string,
  check: (options: Options) => Promise<void> = async () => {},
): Promise<Prepared<Options>> {
  const sections = await applyConfigFile(command, command.opts<SweepOptions>().config)
  const options = command.opts<Options>()
  const source = required(options.calibration, '--calibration', 'a folder of pictures, a .npy file, or "random"')
  await check(options)
  const { adapter, core } = await backend(run, options, model)
  const platform = await readTarget(core, options.target ?? sections.targetPlatform)
  const progress = showProgress(run.io, options.quiet === true || options.json === true)
  const graph = await adapter.read(model)
  const inputs = await loadInputs(graph, inputOptions(options, source))
  for (const warning of inputs.warnings) if (!options.quiet) run.io.stderr(`warning: ${warning}\n`)
  return { adapter, core, options, sections, platform, graph, inputs, progress }
}

/** @throws MixbitError `OPTION_MISSING` */
export function required<T>(value: T | undefined, name: string, what: string): T {
  if (value !== undefined) return value
  throw new MixbitError('OPTION_MISSING', `${name} is missing.`, { hint: `Give ${what}.`, context: { name } })
}

/** The options of core's jobs that come from the flags and the config file; flags win. */
export function jobOptions(
  run: Run,
  prepared: Prepared<SweepOptions & DataOptions>,
  checkpoint: FileCheckpoint | undefined,
) {
  const { adapter, core, options, sections, inputs, progress } = prepared
  const { coreConfig } = sections
  const mixedPrecisionConfig = {
    ...coreConfig.mixedPrecisionConfig,
    ...defined({
      distanceWeightingMethod: options.distanceWeighting,
      numOfImages: options.numOfImages,
      memoryLimit: options.memoryLimit,
    }),
  }
  const quantizationConfig = { ...coreConfig.quantizationConfig, weightsRounding: options.rounding }
  return {
    adapter,
    representativeDataset: inputs.feeds,
    targetPlatform: options.bits
      ? core.withWeightBits(prepared.platform, widestFirst(options.bits))
      : prepared.platform,
    coreConfig: {
      ...coreConfig,
      ...(options.rounding && { quantizationConfig }),
      mixedPrecisionConfig,
      bitWidthConfig: bitWidths(options, coreConfig.bitWidthConfig),
    },
    onProgress: progress.on,
    signal: run.signal,
    ...(checkpoint && { checkpoint }),
  }
}

/** The rules of the config file, then those of the flags, which win. */
function bitWidths({ pinWeights, pinActivations }: SweepOptions, config: CoreConfig['bitWidthConfig'] = {}) {
  const rules = (pins: ReadonlyMap<string, number> = new Map()) =>
    [...pins].map(([name, bits]) => ({ match: { name }, bits }))
  return {
    ...config,
    ...(pinWeights && { weights: [...(config.weights ?? []), ...rules(pinWeights)] }),
    ...(pinActivations && { activations: [...(config.activations ?? []), ...rules(pinActivations)] }),
  }
}

const widestFirst = (bits: readonly number[]) => [...new Set(bits)].sort((a, b) => b - a)

export function defined<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}

/** The checkpoint file that the options ask for; `--no-resume` empties it first. */
export async function openCheckpoint(options: SweepOptions, byDefault?: string): Promise<FileCheckpoint | undefined> {
  const path = options.checkpoint ?? byDefault
  if (path === undefined) return undefined
  const checkpoint = fileCheckpoint(path)
  if (options.resume === false) await checkpoint.remove()
  return checkpoint
}
