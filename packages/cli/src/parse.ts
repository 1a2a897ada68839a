import { isArrayDType } from '@mixbit/inputs'
import { type DType, MixbitError } from './mixbit.ts'

/** Readers of option texts. Each throws MixbitError `OPTION_INVALID` that names the option. */

export const integer =
  (name: string, least = 0) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value
    throw invalid(name, text, `a whole number from ${least}`)
  }

export const numbers =
  (name: string) =>
  (text: string): number[] => {
    const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
    if (values.every(Number.isFinite)) return values
    throw invalid(name, text, 'numbers with commas between them')
  }

export const integers =
  (name: string, least = 1) =>
  (text: string): number[] =>
    text.split(',').map(integer(name, least))

export const single =
  (name: string) =>
  (text: string): number => {
    const [value, ...more] = numbers(name)(text)
    if (more.length === 0) return value!
    throw invalid(name, text, 'one number')
  }

export const pair =
  (name: string) =>
  (text: string): [number, number] => {
    const [low, high, ...more] = numbers(name)(text)
    if (Number.isInteger(low) && Number.isInteger(high) && more.length === 0 && low! <= high!) return [low!, high!]
    throw invalid(name, text, 'two whole numbers low,high')
  }

export const oneOf =
  <const T extends string>(name: string, choices: readonly T[]) =>
  (text: string): T => {
    const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
    if (found) return found
    throw invalid(name, text, `one of ${choices.join(', ')}`)
  }

/** `f32`, or numpy's name for it. */
export const dtype =
  (name: string) =>
  (text: string): DType => {
    const short = text
      .replace(/^float/, 'f')
      .replace(/^uint/, 'u')
      .replace(/^int/, 'i')
    if (isArrayDType(short)) return short
    throw invalid(name, text, 'one of f32, f16, f64, i8, u8, i16, u16, i32, u32, i64, u64, bool')
  }

/** Collects `name=value` pairs of a repeated option. */
export const assignment =
  (name: string) =>
  (text: string, before: ReadonlyMap<string, string> = new Map()): Map<string, string> => {
    const at = text.indexOf('=')
    if (at > 0) return new Map([...before, [text.slice(0, at), text.slice(at + 1)]])
    throw invalid(name, text, 'name=value')
  }

/** Collects `name=8` of a repeated option. */
export const widths =
  (name: string) =>
  (text: string, before: ReadonlyMap<string, number> = new Map()): Map<string, number> => {
    const at = text.lastIndexOf('=')
    if (at > 0) return new Map([...before, [text.slice(0, at), integer(name, 1)(text.slice(at + 1))]])
    throw invalid(name, text, 'name=bits')
  }

/** Collects `name=1,3,224,224` of a repeated option; without a name it is for the first input. */
export const shapes =
  (name: string) =>
  (text: string, before: ReadonlyMap<string, readonly number[]> = new Map()) => {
    const at = text.lastIndexOf('=')
    return new Map([...before, [text.slice(0, Math.max(0, at)), integers(name)(text.slice(at + 1))] as const])
  }

function invalid(name: string, text: string, wanted: string): MixbitError {
  return new MixbitError('OPTION_INVALID', `${name} is ${JSON.stringify(text)}, which is not ${wanted}.`, {
    hint: `Give ${wanted}.`,
    context: { name, text },
  })
}
