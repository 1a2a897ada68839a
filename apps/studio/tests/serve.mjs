// The built app as `mixbit studio` gives it, strict headers and all, and a browser to look at it: for tests, benches and the gallery.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

/** Where Debian puts it. */
export const executablePath = '/usr/bin/chromium'
export const dist = fileURLToPath(new URL('../dist', import.meta.url))
export const cli = fileURLToPath(new URL('../../../packages/cli/dist/bin.mjs', import.meta.url))

/** Serves the app on a free port of this machine, in a process of its own. */
export async function serve() {
  const server = spawn('node', [cli, 'studio', '--no-open', '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const lines = createInterface(server.stdout)
  const url = await new Promise((resolve, reject) => {
    lines.once('line', resolve)
    server.once('exit', (code) => reject(new Error(`mixbit studio ended with ${code}.`)))
  })
  return { origin: new URL(url).origin, close: () => server.kill('SIGINT') }
}

export const launch = () =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
