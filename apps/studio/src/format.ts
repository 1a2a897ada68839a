/** A count with few digits: `9,120`, `59.2 k`, `4.21 M`. */
export function quantity(value: number): string {
  if (value < 10_000) return value.toLocaleString('en')
  const [short, unit] = value < 1e6 ? [value / 1e3, 'k'] : value < 1e9 ? [value / 1e6, 'M'] : [value / 1e9, 'G']
  return `${short.toPrecision(3)} ${unit}`
}

/** `1 × 3 × 224 × 224`; a name stands for an extent that is free. */
export const shapeText = (extents: readonly (number | string)[] | null): string =>
  extents === null ? 'unknown shape' : extents.length === 0 ? 'scalar' : extents.join(' × ')
