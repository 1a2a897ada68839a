const units = ['B', 'kB', 'MB', 'GB']

/** A size for people: `812 B`, `12.3 kB` (1000 bytes). */
export function bytes(count: number): string {
  const power = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)))
  const value = count / 1000 ** power
  return `${power === 0 ? Math.round(value) : value.toPrecision(value >= 999.5 ? 4 : 3)} ${units[power]}`
}

/** Time for people: `0:07`, `12:30`, `1:02:03`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A measured number in three digits; `-` for none. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-'
  if (value === 0 || !Number.isFinite(value)) return String(value)
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(2)
}

/** A share in percent, one decimal. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** JSON that keeps typed arrays short and never fails on bigint, Infinity or NaN. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, replacer, 2)}\n`
}

function replacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Map) return Object.fromEntries(value)
  return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value
}
