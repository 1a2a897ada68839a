import type { Attr } from '@mixbit/graph'

/** A node of a TF GraphDef in JSON. */
export interface NodeDef {
  readonly name: string
  readonly op: string
  readonly input?: readonly string[]
  readonly attr?: Readonly<Record<string, RawAttr>>
}

/** An attribute of a GraphDef in JSON: one of `s` (base64), `i`, `f`, `b`, `type`, `shape`, `tensor`, `func`, `list`. */
export type RawAttr = Readonly<Record<string, unknown>>

const utf8 = { encode: new TextEncoder(), decode: new TextDecoder('utf-8', { fatal: true }) }

/** Text of a base64 string; undefined when it is no text. Some writers give bytes as numbers. */
function textOf(s: unknown): string | undefined {
  try {
    const bytes = Array.isArray(s) ? Uint8Array.from(s) : Uint8Array.from(atob(String(s)), (c) => c.charCodeAt(0))
    return utf8.decode.decode(bytes)
  } catch {
    return undefined
  }
}

const base64 = (text: string): string => btoa(String.fromCharCode(...utf8.encode.encode(text)))

/** As plain data; what has no plain form (shapes, tensors, functions, empty lists ...) is kept as its JSON. */
export function readAttr(raw: RawAttr): Attr {
  const rest = () => ({ bytes: utf8.encode.encode(JSON.stringify(raw)) })
  const plain = (text: string | undefined) => (text === undefined || text.startsWith('DT_') ? undefined : text)
  if ('type' in raw && typeof raw.type === 'string') return raw.type
  if ('s' in raw) return plain(textOf(raw.s)) ?? rest()
  if ('b' in raw) return raw.b === true
  if ('f' in raw && typeof raw.f === 'number') return { float: raw.f }
  if ('i' in raw && Number.isSafeInteger(Number(raw.i))) return Number(raw.i)
  const list = (raw.list ?? {}) as Readonly<Record<string, readonly unknown[]>>
  if (Array.isArray(list.i) && list.i.length > 0 && list.i.every((i) => Number.isSafeInteger(Number(i))))
    return list.i.map(Number)
  const texts = Array.isArray(list.s) ? list.s.map((s) => plain(textOf(s))) : []
  return texts.length > 0 && texts.every((text) => text !== undefined) ? texts : rest()
}

/** The inverse of `readAttr`. */
export function writeAttr(attr: Attr): RawAttr {
  if (typeof attr === 'boolean') return { b: attr }
  if (typeof attr === 'number' || typeof attr === 'bigint') return { i: String(attr) }
  if (typeof attr === 'string') return attr.startsWith('DT_') ? { type: attr } : { s: base64(attr) }
  if ('bytes' in attr) return JSON.parse(utf8.decode.decode(attr.bytes))
  if ('float' in attr) return { f: attr.float }
  if ('tensor' in attr) return {}
  return attr.every((item) => typeof item === 'string')
    ? { list: { s: attr.map((item) => base64(String(item))) } }
    : { list: { i: attr.map(String) } }
}

/** Name and output of a reference: `name`, `name:1`, `name:port:1`; control inputs begin with `^`. */
export function parseRef(ref: string): { node: string; output: number; control: boolean } {
  const parts = ref.replace(/^\^/, '').split(':')
  const output = parts.length > 1 ? Number(parts.at(-1)) : 0
  return { node: parts[0]!, output: Number.isInteger(output) ? output : 0, control: ref.startsWith('^') }
}

/** The reference in its shortest form, which is the id of the value in the IR: `name` or `name:1`. */
export function refOf(ref: string): string {
  const { node, output } = parseRef(ref)
  return output === 0 ? node : `${node}:${output}`
}
