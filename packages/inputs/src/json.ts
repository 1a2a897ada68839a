import { MixbitError, type Tensor } from '@mixbit/graph'
import type { Found } from './types.ts'

/**
 * Samples from JSON: `[{ input: nested array }, ...]`, `{ input: [sample, ...] }`, or for a model with one input just
 * `[sample, ...]`. Samples may differ in length.
 * @throws MixbitError `DATA_FORMAT` for broken JSON or ragged arrays, `DATA_NOT_FINITE` for NaN, Infinity or null.
 */
export function parseJson(text: string, what: string): Found[] {
  const json = parse(text, what)
  if (!Array.isArray(json)) return byInput(json, what)
  return json.map((item, i) => {
    const fields: [string, unknown][] = isRecord(item) ? Object.entries(item) : [['', item]]
    return {
      name: String(i),
      tensors: new Map(fields.map(([key, value]) => [key, toTensor(value, place(what, i, key))])),
    }
  })
}

function byInput(json: unknown, what: string): Found[] {
  if (!isRecord(json)) throw bad(`${what} holds neither an array nor an object.`)
  const columns = Object.entries(json)
  const count = Math.max(0, ...columns.map(([, samples]) => (Array.isArray(samples) ? samples.length : 0)))
  for (const [key, samples] of columns)
    if (!Array.isArray(samples) || samples.length !== count)
      throw bad(
        `${what}: every input needs an array of ${count} samples, but "${key}" has ${Array.isArray(samples) ? samples.length : 'no array'}.`,
      )
  return Array.from({ length: count }, (_, i) => ({
    name: String(i),
    tensors: new Map(columns.map(([key, samples]) => [key, toTensor((samples as unknown[])[i], place(what, i, key))])),
  }))
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // Python writes NaN and Infinity bare, which is no JSON.
    const word = /[[,:]\s*(-?(?:NaN|Infinity))\s*[\],}]/.exec(text)
    if (word) throw notFinite(what, word[1]!)
    throw bad(`${what} is not JSON: ${(cause as Error).message}.`, cause)
  }
}

function toTensor(value: unknown, what: string): Tensor {
  const shape: number[] = []
  for (let at = value; Array.isArray(at); at = at[0]) shape.push(at.length)
  const numbers: number[] = []
  collect(value, shape, 0, numbers, what)
  // Whole numbers stay f64 too: the model's own element type decides.
  return { dtype: 'f64', shape, data: Float64Array.from(numbers) }
}

function collect(value: unknown, shape: readonly number[], depth: number, into: number[], what: string): void {
  if (depth < shape.length) {
    if (!Array.isArray(value) || value.length !== shape[depth])
      throw bad(
        `${what} is ragged: at depth ${depth}, ${shape[depth]} elements were expected, ${Array.isArray(value) ? value.length : typeof value} found.`,
      )
    for (const item of value) collect(item, shape, depth + 1, into, what)
  } else if (value === null) throw notFinite(what, 'null')
  else if (typeof value === 'boolean') into.push(Number(value))
  else if (typeof value === 'number') into.push(value)
  else throw bad(`${what} holds ${JSON.stringify(value)}, which is not a number.`)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const place = (what: string, sample: number, key: string) => `${what}, sample ${sample}${key ? `, input "${key}"` : ''}`

function bad(message: string, cause?: unknown): MixbitError {
  const hint = 'Write [{ "input name": nested numbers }, ...], { "input name": [samples] }, or [samples] for one input.'
  return new MixbitError('DATA_FORMAT', message, { hint, cause })
}

function notFinite(what: string, word: string): MixbitError {
  return new MixbitError('DATA_NOT_FINITE', `${what} holds ${word}.`, { hint: 'Repair or leave out that sample.' })
}
