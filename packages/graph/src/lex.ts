import { MixbitError } from './error.ts'

/** One token of the text form. `text` is what it means: the bare name, the parsed string, the digits. */
export interface Token {
  readonly type: 'value' | 'node' | 'word' | 'string' | 'number' | 'mark' | 'end'
  readonly text: string
  readonly offset: number
}

const skipped = /(?:\s+|\/\/[^\n]*)*/y
const string = /"(?:[^"\\\n]|\\.)*"/y
const name = /[\w.$/-]+/y
const word = /[A-Za-z_][\w.$/-]*(?:::[\w.$/-]+)*/y
const number = /-?(?:0x[0-9a-f]+|(?:inf|nan|\d+(?:\.\d+)?(?:e[+-]?\d+)?)[fn]?)(?![\w.$/-])/y
const mark = /\.\.\.|[(){}[\],:;=@?]/y

const at = (pattern: RegExp, text: string, offset: number): string | undefined => {
  pattern.lastIndex = offset
  return pattern.exec(text)?.[0]
}
const isAll = (pattern: RegExp, text: string): boolean => text !== '' && at(pattern, text, 0) === text

/** Writes a name bare where the lexer reads it back as one, else as a string. */
export const writeName = (text: string): string => (isAll(name, text) ? text : JSON.stringify(text))
/** The same for words that stand without a sigil (operators, attributes, dimensions). */
export const writeWord = (text: string): string =>
  isAll(word, text) && !isAll(number, text) ? text : JSON.stringify(text)

/** Refuses the text at an offset. @throws MixbitError `TEXT_SYNTAX` with line and column, counted from 1. */
export function refuse(
  text: string,
  offset: number,
  problem: string,
  hint = 'Compare with the grammar on top of text.ts.',
): never {
  const before = text.slice(0, offset).split('\n')
  const line = before.length
  const column = before.at(-1)!.length + 1
  const excerpt = text.split('\n')[line - 1]!.slice(Math.max(0, column - 60), column + 60)
  throw new MixbitError('TEXT_SYNTAX', `Line ${line}, column ${column}: ${problem}\n  ${excerpt}`, {
    hint,
    context: { line, column },
  })
}

/** The token that starts at or after `offset`, and where the next one may start. */
export function lex(text: string, offset: number): { readonly token: Token; readonly end: number } {
  const start = offset + at(skipped, text, offset)!.length
  if (start === text.length) return { token: { type: 'end', text: 'the end', offset: start }, end: start }
  const found = (type: Token['type'], raw: string, meaning = raw) => ({
    token: { type, text: meaning, offset: start },
    end: start + raw.length,
  })
  const sigil = text[start] === '%' ? 'value' : text[start] === '#' ? 'node' : undefined
  const body = sigil ? start + 1 : start
  const quoted = at(string, text, body)
  if (quoted !== undefined) {
    const token = found(sigil ?? 'string', quoted, unquote(text, body, quoted))
    return { ...token, end: body + quoted.length }
  }
  if (sigil) {
    const bare = at(name, text, body) ?? refuse(text, start, `'${text[start]}' must be followed by a name.`)
    return { ...found(sigil, bare), end: body + bare.length }
  }
  for (const [type, pattern] of [
    ['number', number],
    ['word', word],
    ['mark', mark],
  ] as const) {
    const raw = at(pattern, text, start)
    if (raw !== undefined) return found(type, raw)
  }
  return refuse(text, start, `'${text[start]}' begins nothing that is known here.`)
}

function unquote(text: string, offset: number, quoted: string): string {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return refuse(text, offset, `${quoted} is no string.`, 'Write strings as JSON does.')
  }
}
