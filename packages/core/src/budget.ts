import { MixbitError } from '@mixbit/graph'

const units: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/**
 * Reads an upper limit: a number of bytes, `'25%'` (of `floatBytes`), or a number with a unit (`'250 kB'`, `'1.5 MiB'`;
 * kB is 1000 bytes, KiB 1024).
 * @throws MixbitError `BUDGET_UNREADABLE` for other text, `BUDGET_NOT_POSITIVE` for zero, negative or non-finite limits.
 */
export function parseBudget(name: string, limit: number | string, floatBytes: number): number {
  const bytes = typeof limit === 'number' ? limit : parseText(name, limit, floatBytes)
  if (!(bytes > 0) || !Number.isFinite(bytes))
    throw new MixbitError('BUDGET_NOT_POSITIVE', `The budget ${name} is ${limit}, which leaves ${bytes} bytes.`, {
      hint: `Give a positive limit; the float model has ${floatBytes} bytes.`,
      context: { name, limit, floatBytes },
    })
  return bytes
}

function parseText(name: string, text: string, floatBytes: number): number {
  const match = /^\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(%|[a-z]+)?\s*$/i.exec(text)
  const unit = (match?.[2] ?? 'B').toLowerCase()
  const factor = unit === '%' ? floatBytes / 100 : units[unit]
  if (match?.[1] === undefined || factor === undefined)
    throw new MixbitError('BUDGET_UNREADABLE', `The budget ${name} is ${JSON.stringify(text)}, which is no size.`, {
      hint: 'Write bytes (250000), a size (250 kB, 1.5 MiB) or a share of the float model (25%).',
      context: { name, text },
    })
  return Number(match[1]) * factor
}
