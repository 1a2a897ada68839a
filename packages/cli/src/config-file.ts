import { readFile } from 'node:fs/promises'
import type { CoreConfig, ResourceUtilization, TargetPlatform } from '@mixbit/core'
import type { Command } from 'commander'
import { MixbitError } from './mixbit.ts'

/** What a config file can hold beside the options of the command line. */
export interface CoreSections {
  readonly coreConfig: CoreConfig
  readonly targetPlatform?: string | TargetPlatform
  readonly targetResourceUtilization?: ResourceUtilization
}

const coreKeys = ['quantizationConfig', 'mixedPrecisionConfig', 'bitWidthConfig', 'debugConfig']
const jobKeys = ['coreConfig', 'targetPlatform', 'targetResourceUtilization']

/**
 * Reads a JSON config: options of the command in camelCase (flags win over them), and the sections of CoreConfig, at the
 * top or under `coreConfig`.
 * @throws MixbitError `CONFIG_INVALID` that lists every unknown or unreadable key at once; `CONFIG_NOT_FOUND`.
 */
export async function applyConfigFile(command: Command, path: string | undefined): Promise<CoreSections> {
  if (path === undefined) return { coreConfig: {} }
  const config = await readJson(path)
  const faults = Object.entries(config).flatMap(([key, value]) =>
    coreKeys.includes(key) || jobKeys.includes(key) ? [] : setOption(command, key, value),
  )
  if (faults.length > 0)
    throw new MixbitError('CONFIG_INVALID', `${path} has ${faults.length} fault(s): ${faults.join('; ')}`, {
      hint: `Keys are ${[...coreKeys, ...jobKeys].join(', ')} and the options of "${command.name()}" in camelCase.`,
      context: { faults },
    })
  const sections = Object.fromEntries(Object.entries(config).filter(([key]) => coreKeys.includes(key)))
  const { coreConfig, ...job } = Object.fromEntries(Object.entries(config).filter(([key]) => jobKeys.includes(key)))
  return { ...job, coreConfig: { ...(coreConfig as object), ...sections } }
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new MixbitError('CONFIG_NOT_FOUND', `The config ${path} cannot be read: ${cause.message}.`, {
      hint: 'Check --config.',
      cause,
    })
  })
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>
  } catch (cause) {
    throw new MixbitError('CONFIG_INVALID', `${path} is not JSON: ${(cause as Error).message}.`, {
      hint: 'Repair the file.',
      cause,
    })
  }
  throw new MixbitError('CONFIG_INVALID', `${path} must hold one JSON object.`, {
    hint: 'Write { "weightsMemory": "25%" }.',
  })
}

/** Gives an option its value unless the command line already did; returns what is wrong with it. */
function setOption(command: Command, key: string, value: unknown): string[] {
  const option = command.options.find((each) => each.attributeName() === key && !each.negate)
  if (!option || key === 'config') return [`unknown key "${key}"`]
  if (command.getOptionValueSource(key) === 'cli') return []
  try {
    command.setOptionValueWithSource(
      key,
      read(value, (text, before) => option.parseArg?.(text, before) ?? text),
      'config',
    )
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}

/** Arrays are lists with commas, objects repeated `name=value` options. */
function read(value: unknown, parse: (text: string, before: unknown) => unknown): unknown {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return parse(String(value), undefined)
  return Object.entries(value).reduce<unknown>((before, [name, each]) => parse(`${name}=${each}`, before), undefined)
}
