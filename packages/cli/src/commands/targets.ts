import type { TargetPlatform } from '@mixbit/core'
import type { Command } from 'commander'
import * as format from '../format.ts'
import { MixbitError } from '../mixbit.ts'
import type { CommonOptions } from '../options.ts'
import { backend, type Run } from '../run.ts'
import { table } from '../table.ts'

/** Lists the built-in target platforms, or prints one as the JSON that a config file takes. */
export async function targetsCommand(run: Run, command: Command, name: string | undefined): Promise<void> {
  const options = command.opts<CommonOptions>()
  const { core } = await backend(run, options)
  const platforms = core.targetPlatforms
  if (name === undefined) {
    run.io.stdout(options.json ? format.json(platforms) : targetsTable(Object.values(platforms)))
    return
  }
  const platform = Object.hasOwn(platforms, name) ? platforms[name] : undefined
  if (!platform)
    throw new MixbitError('TARGET_PLATFORM_UNKNOWN', `There is no target platform named ${JSON.stringify(name)}.`, {
      hint: `Take one of ${Object.keys(platforms).join(', ')}.`,
    })
  run.io.stdout(format.json(platform))
}

function targetsTable(platforms: readonly TargetPlatform[]): string {
  const rows = platforms.map(
    ({ name, weights, weightsScheme, weightsPerChannel, activationBits, activationScheme }) => [
      name,
      `${(weights.default ?? []).join(', ')} bits, ${weightsScheme}, ${weightsPerChannel ? 'per channel' : 'per tensor'}`,
      activationBits.length === 0 ? 'float' : `${activationBits.join(', ')} bits, ${activationScheme}`,
    ],
  )
  return table(['target', 'weights', 'activations'], rows)
}
