// Numbers as people read them; tabular, with few digits.

/** `1.2 kB`; kB is 1000 bytes, as in budgets. */
export function bytes(count: number): string {
  if (count < 1000) return `${Math.round(count)} B`
  const units = ['kB', 'MB', 'GB']
  let value = count / 1000
  let unit = 0
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`
}

/** `12.3 %` of a share in 0..1. */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** `59.2 k`, `4.21 M`. */
export function count(value: number): string {
  if (value < 10_000) return value.toLocaleString('en')
  const [short, unit] = value < 1e6 ? [value / 1e3, 'k'] : value < 1e9 ? [value / 1e6, 'M'] : [value / 1e9, 'G']
  return `${short.toPrecision(3)} ${unit}`
}

/** `0.4 s`, `12 s`, `3 min 5 s`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** Three digits, or an exponent where these would hide everything. */
export function small(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(1)
}

/** `[1, 3, 224, 224]`; a name stands for an extent that is free. */
export const shape = (extents: readonly (number | string)[] | null): string =>
  extents === null ? 'unknown shape' : `[${extents.join(', ')}]`

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${value.toLocaleString('en')} ${value === 1 ? one : many}`
