import type { TransferBytes } from '@mixbit/adapter'
import type { TfjsFiles } from '../source.ts'

/** Bytes of all files under gzip and brotli, each file for itself as a server sends it; brotli only in Node. */
export async function transferBytes(files: TfjsFiles): Promise<TransferBytes> {
  const all = [...files.values()]
  const sum = (compressed: readonly number[]) => compressed.reduce((total, length) => total + length, 0)
  if (typeof process === 'undefined' || !process.versions?.node)
    return { gzip: sum(await Promise.all(all.map(gzipInPage))), brotli: null }
  const { brotliCompress, constants, gzip } = await import('node:zlib')
  // Quality 11 gives a few percent less and takes ten times as long.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 }
  const run = (compress: (bytes: Uint8Array, done: (error: Error | null, result: Uint8Array) => void) => void) =>
    Promise.all(
      all.map(
        (bytes) =>
          new Promise<number>((resolve, reject) =>
            compress(bytes, (error, result) => (error ? reject(error) : resolve(result.length))),
          ),
      ),
    )
  return {
    gzip: sum(await run(gzip)),
    brotli: sum(await run((bytes, done) => brotliCompress(bytes, { params }, done))),
  }
}

async function gzipInPage(bytes: Uint8Array): Promise<number> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream('gzip'))
  return (await new Response(stream).arrayBuffer()).byteLength
}
