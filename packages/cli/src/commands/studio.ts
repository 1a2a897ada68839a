import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { MixbitError } from '../mixbit.ts'
import type { Run } from '../run.ts'
import { openBrowser } from '../studio/open-browser.ts'
import { serveFolder } from '../studio/static-server.ts'

/** Options of `mixbit studio`. */
export interface StudioFlags {
  readonly port: number
  readonly host: string
  readonly open: boolean
}

const loopback = /^(localhost|127(\.\d+){3}|::1)$/

/** Serves the Studio until Ctrl-C. */
export async function studioCommand(run: Run, command: Command, folder?: string): Promise<void> {
  const { port, host, open } = command.opts<StudioFlags>()
  const server = await serveFolder(folder ?? (await studioFolder()), host, port)
  run.io.stdout(`${server.url}\n`)
  run.io.stderr('Ctrl-C ends it. Models and data stay in the tab: this program only hands out the page.\n')
  if (!loopback.test(host)) run.io.stderr(`warning: other machines can reach ${host}.\n`)
  if (open) (run.io.open ?? openBrowser)(server.url)
  await interrupted(run.signal)
  await server.close()
}

const interrupted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** The built pages of @mixbit/studio. @throws MixbitError `STUDIO_MISSING` */
async function studioFolder(): Promise<string> {
  const { resolve } = createRequire(import.meta.url)
  try {
    const folder = join(dirname(resolve('@mixbit/studio/package.json')), 'dist')
    await stat(join(folder, 'index.html'))
    return folder
  } catch (cause) {
    throw new MixbitError('STUDIO_MISSING', `The pages of the Studio are not there: ${(cause as Error).message}`, {
      hint: 'Install @mixbit/studio beside mixbit; in the repository of Mixbit, run `npm run studio`.',
      cause,
    })
  }
}
