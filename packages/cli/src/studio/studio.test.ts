import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { Command } from 'commander'
import { expect, onTestFinished, test } from 'vitest'
import { studioCommand } from '../commands/studio.ts'
import { main } from '../main.ts'
import { fakeIo } from '../testing/fake.ts'
import { emptyFolder } from '../testing/folder.ts'
import { opener } from './open-browser.ts'
import { serveFolder } from './static-server.ts'

/** A site with a secret beside it and a link to it. */
async function site() {
  const folder = await emptyFolder()
  const pages = join(folder, 'dist')
  await mkdir(join(pages, 'assets'), { recursive: true })
  await writeFile(join(folder, 'secret.txt'), 'secret')
  await symlink(join(folder, 'secret.txt'), join(pages, 'link.txt'))
  await writeFile(join(pages, 'index.html'), '<h1>Studio</h1>')
  for (const name of ['a b.js', 'run.wasm', 'model.onnx']) await writeFile(join(pages, 'assets', name), name)
  return pages
}

async function served() {
  const server = await serveFolder(await site(), '127.0.0.1', 0)
  onTestFinished(() => server.close())
  return server.url
}

/** As it stands: fetch would tidy the path up. */
const raw = (url: string, path: string, method = 'GET'): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    request({ hostname, port, path, method }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })

test('files come with their types, and the policy allows this origin alone', async () => {
  const url = await served()
  const types = {
    '': 'text/html; charset=utf-8',
    'index.html': 'text/html; charset=utf-8',
    'assets/run.wasm': 'application/wasm',
  }
  for (const [path, type] of Object.entries({
    ...types,
    'assets/a%20b.js?v=1': 'text/javascript; charset=utf-8',
    'assets/model.onnx': 'application/octet-stream',
  })) {
    const response = await fetch(url + path)
    expect([path, response.status, response.headers.get('content-type')]).toEqual([path, 200, type])
    const policy = response.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:|\*/)
  }
  expect(await (await fetch(url)).text()).toBe('<h1>Studio</h1>')
})

test('nothing outside the folder is served, whatever the address looks like', async () => {
  const url = await served()
  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/..\\secret.txt',
    '//secret.txt',
    '/link.txt',
    '/assets',
    '/%',
    '/%00',
    '/index.html/',
  ])
    expect([path, await raw(url, path)]).toEqual([path, 404])
  for (const method of ['POST', 'PUT', 'DELETE']) expect(await raw(url, '/', method)).toBe(405)
  expect(await raw(url, '/', 'HEAD')).toBe(200)
})

const command = async (argv: readonly string[]) =>
  new Command()
    .option('--port <n>', '', Number, 0)
    .option('--host <name>', '', '127.0.0.1')
    .option('--no-open')
    .parse(argv, { from: 'user' })

test('the command prints the address, opens it, and Ctrl-C ends it', async () => {
  const { io, seen } = fakeIo()
  const abort = new AbortController()
  const opened: string[] = []
  const run = {
    io: { ...io, open: (url: string) => void opened.push(url) },
    signal: abort.signal,
    cleanups: new Set<() => void>(),
  }
  const ended = studioCommand(run, await command([]), await site())
  while (opened.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(seen.stdout).toBe(`${opened[0]}\n`)
  expect((await fetch(opened[0]!)).status).toBe(200)
  abort.abort()
  await ended
  await expect(fetch(opened[0]!)).rejects.toThrow()
})

test('--no-open opens nothing, and a host that others can reach is warned of', async () => {
  const { io, seen } = fakeIo()
  const opened: string[] = []
  const run = {
    io: { ...io, open: (url: string) => void opened.push(url) },
    signal: AbortSignal.abort(),
    cleanups: new Set<() => void>(),
  }
  await studioCommand(run, await command(['--no-open', '--host', '0.0.0.0']), await site())
  expect(opened).toEqual([])
  expect(seen.stderr).toContain('other machines can reach 0.0.0.0')
})

test('a port that is in use or does not exist is an error with a hint', async () => {
  const url = await served()
  const { port } = new URL(url)
  await expect(serveFolder(await site(), '127.0.0.1', Number(port))).rejects.toMatchObject({
    code: 'STUDIO_PORT',
    message: `127.0.0.1:${port} cannot be listened on: it is in use.`,
    hint: expect.stringContaining('--port 0'),
  })
  await expect(serveFolder(await site(), '127.0.0.1', 99999)).rejects.toMatchObject({ code: 'STUDIO_PORT' })
})

test('the command line finds the built pages and serves them until it is interrupted', async () => {
  const { io, press, seen } = fakeIo()
  const ended = main(['studio', '--port', '0', '--no-open'], io)
  while (!seen.stdout && !seen.stderr) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(seen.stderr).not.toContain('error')
  const page = await (await fetch(seen.stdout.trim())).text()
  expect(page).toContain('<title>Mixbit Studio</title>')
  press()
  expect(await ended).toBe(0)
})

test('a browser is opened where there is a screen', () => {
  expect(opener('darwin', {})).toEqual(['open'])
  expect(opener('win32', {})?.[0]).toBe('cmd')
  expect(opener('linux', {})).toBeUndefined()
  expect(opener('linux', { WAYLAND_DISPLAY: 'wayland-0' })).toEqual(['xdg-open'])
})
