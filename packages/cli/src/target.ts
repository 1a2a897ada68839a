import { readFile } from 'node:fs/promises'
import type { TargetPlatform } from '@mixbit/core'
import type { Backend } from './backend.ts'
import { MixbitError } from './mixbit.ts'

/** What looks like a path; every other text is the name of a built-in platform. */
const isFile = (target: string): boolean => /[/\\]|\.json$/i.test(target)

/**
 * A target platform by name, from a JSON file, or from a config file's own data; checked.
 * @throws MixbitError `TARGET_PLATFORM_UNKNOWN`, `TARGET_PLATFORM_NOT_FOUND`, `TARGET_PLATFORM_INVALID` with every field.
 */
export const readTarget = async (
  core: Pick<Backend['core'], 'targetPlatform'>,
  target: string | TargetPlatform | undefined,
): Promise<TargetPlatform> =>
  core.targetPlatform(typeof target === 'string' && isFile(target) ? await readPlatform(target) : target)

async function readPlatform(path: string): Promise<TargetPlatform> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new MixbitError(
      'TARGET_PLATFORM_NOT_FOUND',
      `The target platform ${path} cannot be read: ${cause.message}.`,
      {
        hint: 'Check --target; `mixbit targets` lists the names of built-in ones.',
        cause,
      },
    )
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MixbitError('TARGET_PLATFORM_INVALID', `${path} is not JSON: ${(cause as Error).message}.`, {
      hint: 'Start from a built-in one: `mixbit targets show imx500 --json > mine.json`.',
      cause,
    })
  }
}
