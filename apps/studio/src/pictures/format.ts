// Numbers for people: thin wrappers that accept what JSON makes of missing and infinite numbers.

/** What a number of a run record may have become: JSON has no Infinity, so it is written as text, or null. */
export type Measured = number | string | null | undefined

const units = ['B', 'kB', 'MB', 'GB', 'TB']

/** A size: `812 B`, `12.3 kB` (1000 bytes); `–` for none. */
export function bytes(count: Measured): string {
  if (typeof count !== 'number' || !Number.isFinite(count)) return '–'
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, Math.round(count))) / 3)))
  const value = count / 1000 ** power
  return `${power === 0 ? Math.round(value) : value.toPrecision(value >= 999.5 ? 4 : 3)} ${units[power]}`
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'
const power = (exponent: number) =>
  `10${exponent < 0 ? '⁻' : ''}${[...String(Math.abs(exponent))].map((digit) => superscripts[Number(digit)]).join('')}`

/** A measured number in three digits: `0.0123`, `4.50·10⁻⁶`; `–` for none, `∞` for an infinite one. */
export function number(value: Measured): string {
  if (value === null || value === undefined) return '–'
  const x = Number(value)
  if (!Number.isFinite(x)) return x > 0 ? '∞' : x < 0 ? '−∞' : '–'
  if (x === 0) return '0'
  if (Number.isInteger(x) && Math.abs(x) < 1e4) return String(x).replace('-', '−')
  if (Math.abs(x) >= 1e-3 && Math.abs(x) < 999.5) return x.toPrecision(3).replace('-', '−')
  if (Math.abs(x) >= 1e-3 && Math.abs(x) < 1e4) return String(Math.round(x)).replace('-', '−')
  const [digits, exponent] = x.toExponential(2).split('e') as [string, string]
  return `${digits.replace('-', '−')}·${power(Number(exponent))}`
}

/** A number at an axis, where zeros behind the last digit are in the way: `0.5`, `10⁻⁴`. */
export const tick = (value: number): string =>
  number(value)
    .replace(/(\.\d*?)0+(?=$|·)/, '$1')
    .replace(/\.(?=$|·)/, '')
    .replace(/^(−?)1·/, '$1')

/** A size at an axis: `10 kB`. */
export const byteTick = (count: number): string =>
  bytes(count)
    .replace(/(\.\d*?)0+ /, '$1 ')
    .replace('. ', ' ')

/** A share in percent, one decimal. */
export const percent = (share: Measured): string =>
  typeof share === 'number' && Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : '–'

/** Decibel; 200 and more is what two identical tensors have. */
export const decibel = (sqnr: Measured): string =>
  typeof sqnr !== 'number' || !Number.isFinite(sqnr)
    ? number(sqnr)
    : sqnr >= 200
      ? 'identical'
      : `${sqnr.toFixed(1)} dB`

/** Time: `320 ms`, `4.2 s`, `2 min 05 s`. */
export function time(ms: Measured): string {
  if (typeof ms !== 'number' || !Number.isFinite(ms)) return '–'
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}

/** `1 bit`, `4 bits`, `float`. */
export const bitsText = (bits: number | null | undefined): string =>
  bits === null || bits === undefined ? 'float' : bits === 1 ? '1 bit' : `${bits} bits`

/** `1 layer`, `3 layers`. */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** `a`, `a and b`, `a, b and c`. */
export const list = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
