import type { TableScheme } from './levels.ts'

const widths = (schemes: readonly TableScheme[], from: number, to: number): [TableScheme, number][] =>
  schemes.flatMap((scheme) =>
    Array.from({ length: to - from + 1 }, (_, i): [TableScheme, number] => [scheme, from + i]),
  )

/** Every grid at every width that it comes in: up to 16 levels and more take different ways through the kernel. */
export const everyGrid: readonly (readonly [scheme: TableScheme, bits: number])[] = [
  ...widths(['symmetric', 'powerOfTwo'], 2, 8),
  ...widths(['midRise', 'kMeans'], 1, 4),
  ...widths(['lutSymmetric', 'lutPowerOfTwo'], 2, 4),
  ['ternary', 2],
]

/** Seeded uniform numbers in (0, 1): mulberry32. For tests. */
export function uniform(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32
  }
}

/** Seeded standard normal numbers. For tests. */
export function normal(length: number, seed: number): Float32Array {
  const next = uniform(seed)
  return Float32Array.from({ length }, () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()))
}
