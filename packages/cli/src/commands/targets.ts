import type { ActivationsConfig, OperatorSet, TargetPlatform, WeightsConfig } from '@mixbit/core'
import type { Command } from 'commander'
import * as format from '../format.ts'
import type { CommonOptions } from '../options.ts'
import { backend, type Run } from '../run.ts'
import { table } from '../table.ts'
import { readTarget } from '../target.ts'

/** Lists the built-in target platforms. */
export async function targetsCommand(run: Run, command: Command): Promise<void> {
  const options = command.opts<CommonOptions>()
  const { core } = await backend(run, options)
  const platforms = core.targetPlatforms
  run.io.stdout(options.json ? format.json(platforms) : listText(Object.values(platforms)))
}

/** Shows one platform, built in or from a file, which is checked. */
export async function showTargetCommand(run: Run, command: Command, name: string): Promise<void> {
  const options = command.optsWithGlobals<CommonOptions>()
  const { core } = await backend(run, options)
  const platform = await readTarget(core, name)
  run.io.stdout(options.json ? format.json(platform) : platformText(platform))
}

function listText(platforms: readonly TargetPlatform[]): string {
  const rows = platforms.map(({ name, version, weights, activations }) => [
    name,
    version,
    weightsText(weights),
    activations ? activationsText(activations) : 'float',
  ])
  return table(['target', 'version', 'weights', 'activations'], rows)
}

const weightsText = ({ bits, base, scheme, tables = [], perChannel }: WeightsConfig): string =>
  [bitsText(bits, base), scheme, ...tables, perChannel ? 'per channel' : 'per tensor'].join(', ')

const activationsText = ({ bits, base, scheme, signedness = 'auto' }: ActivationsConfig): string =>
  `${bitsText(bits, base)}, ${scheme}${signedness === 'auto' ? '' : `, ${signedness}`}`

const bitsText = (bits: readonly number[], base: number | undefined): string =>
  `${bits.join(', ')} bits${base === undefined ? '' : ` (base ${base})`}`

function platformText(platform: TargetPlatform): string {
  const { name, version, description, weights, activations, operatorSets, fusingPatterns = [], simdWidth } = platform
  const lines = [
    `${name}, version ${version}`,
    ...(description ? [description] : []),
    '',
    `weights      ${weightsText(weights)}`,
    `activations  ${activations ? activationsText(activations) : 'float'}`,
    ...(simdWidth ? [`SIMD width   ${simdWidth} channels`] : []),
    ...fusingPatterns.map((pattern) => `run as one   ${pattern.join(' + ')}`),
  ]
  const rows = operatorSets.map((set) => [
    set.name,
    [...(set.kinds ?? []), ...(set.ops ?? [])].join(' '),
    quantizedText(set, platform),
    ownText(set),
  ])
  return `${lines.join('\n')}\n\n${table(['operators', 'kinds and ops', 'quantized', 'notes'], rows)}`
}

function quantizedText({ quantized = true, follows }: OperatorSet, { activations }: TargetPlatform): string {
  if (quantized === false) return 'no'
  if (quantized === 'weights' || !activations) return 'weights'
  return follows ? 'where an input is' : 'yes'
}

/** What a set has of its own. */
const ownText = ({ weights, activations, preserving, supportedInputBits }: OperatorSet): string =>
  [
    ...(weights ? [`weights ${settings(weights)}`] : []),
    ...(activations ? [`activations ${settings(activations)}`] : []),
    ...(preserving === undefined ? [] : [preserving ? 'output on the grid of the input' : 'output on its own grid']),
    ...(supportedInputBits ? [`reads at most ${Math.max(...supportedInputBits)} bits`] : []),
  ].join('; ')

const settings = (config: object): string =>
  Object.entries(config)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
