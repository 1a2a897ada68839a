import type { Grid } from '@mixbit/graph'

/** The largest absolute value on a grid: of the channel where it is smallest, and of the one where it is largest. */
export function thresholds({ bits, signed, scale, zeroPoint, levels }: Grid): { smallest: number; largest: number } {
  const [least, most] = levels?.length
    ? [levels[0]!, levels.at(-1)!]
    : signed
      ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
      : [0, 2 ** bits - 1]
  const each = Array.from(scale, (step, channel) => {
    const zero = zeroPoint[channel] ?? 0
    return Math.max(Math.abs((least - zero) * step), Math.abs((most - zero) * step))
  })
  return {
    smallest: each.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    largest: each.reduce((a, b) => Math.max(a, b), 0),
  }
}
