import { crc32 } from '../loader/checksum.ts'
import { joined, version } from '../loader/manifest.ts'
import type { RawWeight } from '../manifest.ts'
import type { TfjsFiles } from '../source.ts'

/** Bytes of a shard, as converters of TF.js have them, so that caches keep them. */
const shardBytes = 4 * 1024 * 1024

/** model.json and its shards. */
export function filesOf(json: object, weights: readonly RawWeight[]): TfjsFiles {
  const all = joined(weights.map(({ bytes }) => bytes))
  const count = Math.max(1, Math.ceil(all.length / shardBytes))
  const shards = Array.from({ length: count }, (_, i): [string, Uint8Array] => [
    `group1-shard${i + 1}of${count}.bin`,
    all.slice(i * shardBytes, (i + 1) * shardBytes),
  ])
  const model = {
    ...json,
    weightsManifest: [{ paths: shards.map(([path]) => path), weights: weights.map(({ spec }) => spec) }],
    mixbit: { version, checksums: Object.fromEntries(shards.map(([path, bytes]) => [path, crc32(bytes)])) },
  }
  return new Map([['model.json', new TextEncoder().encode(JSON.stringify(model))], ...shards])
}

/** Bytes of model.json and shards together. */
export const byteLength = (files: TfjsFiles): number => [...files.values()].reduce((sum, { length }) => sum + length, 0)
