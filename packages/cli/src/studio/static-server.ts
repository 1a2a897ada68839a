import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, relative } from 'node:path'
import { MixbitError } from '../mixbit.ts'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/** Nothing from elsewhere, nothing inline, nothing evaluated but WebAssembly, which the runtimes are. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
}

/** Where a server listens. */
export interface Listening {
  readonly url: string
  /** Ends open connections too. */
  close(): Promise<void>
}

/**
 * Serves the files that are below a folder now, and nothing else: an address is looked up among them and never becomes a path.
 * @throws MixbitError `STUDIO_PORT` when that host and port cannot be listened on.
 */
export async function serveFolder(folder: string, host: string, port: number): Promise<Listening> {
  const files = await addresses(folder)
  const server = createServer((request, response) => answer(files, request, response))
  await listen(server, host, port)
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Paths of files by the address they have; symbolic links are left out. */
async function addresses(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const byAddress = new Map(files.map((path) => [`/${relative(folder, path).replaceAll('\\', '/')}`, path]))
  const index = byAddress.get('/index.html')
  return index === undefined ? byAddress : byAddress.set('/', index)
}

function answer(files: ReadonlyMap<string, string>, request: IncomingMessage, response: ServerResponse): void {
  const reading = request.method === 'GET' || request.method === 'HEAD'
  const path = reading ? files.get(address(request.url ?? '/')) : undefined
  if (path === undefined) {
    response.writeHead(reading ? 404 : 405, { ...headers, ...(!reading && { allow: 'GET, HEAD' }) }).end()
    return
  }
  response.writeHead(200, { ...headers, 'content-type': types[extname(path)] ?? 'application/octet-stream' })
  if (request.method === 'HEAD') response.end()
  // A file that went away meanwhile: the connection breaks, the server goes on.
  else
    createReadStream(path)
      .on('error', () => response.destroy())
      .pipe(response)
}

/** The path without its query; what is no address stands for nothing. */
function address(url: string): string {
  try {
    return decodeURIComponent(url.replace(/[?#].*$/s, ''))
  } catch {
    return ''
  }
}

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'it is in use' : cause.message
    throw new MixbitError('STUDIO_PORT', `${host}:${port} cannot be listened on: ${why}.`, {
      hint: 'Give another one with --port, or --port 0 for any that is free.',
      context: { host, port, code: cause.code },
      cause,
    })
  })
