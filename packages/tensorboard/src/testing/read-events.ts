// An independent reader of event files: protobufjs with messages as TensorBoard's own .proto files declare them (not the
// ones beside the encoder), and the CRC-32C of another package.
import { Crc32c } from '@aws-crypto/crc32c'
import protobuf from 'protobufjs'

type Fields = Readonly<Record<string, readonly [number, string] | readonly [number, string, 'repeated']>>

const message = (fields: Fields, oneofs = {}, nested = {}) => ({
  oneofs,
  nested,
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, [id, type, rule]]) => [name, { id, type, ...(rule && { rule }) }]),
  ),
})

const root = protobuf.Root.fromJSON({
  nested: {
    Event: message(
      {
        wallTime: [1, 'double'],
        step: [2, 'int64'],
        fileVersion: [3, 'string'],
        graphDef: [4, 'bytes'],
        summary: [5, 'Summary'],
      },
      { what: { oneof: ['fileVersion', 'graphDef', 'summary'] } },
    ),
    Summary: message(
      { value: [1, 'Value', 'repeated'] },
      {},
      {
        Image: message({
          height: [1, 'int32'],
          width: [2, 'int32'],
          colorspace: [3, 'int32'],
          encodedImageString: [4, 'bytes'],
        }),
        Value: message(
          {
            nodeName: [7, 'string'],
            tag: [1, 'string'],
            metadata: [9, 'SummaryMetadata'],
            simpleValue: [2, 'float'],
            image: [4, 'Image'],
            histo: [5, 'HistogramProto'],
            tensor: [8, 'TensorProto'],
          },
          { value: { oneof: ['simpleValue', 'image', 'histo', 'tensor'] } },
        ),
      },
    ),
    SummaryMetadata: message(
      {
        pluginData: [1, 'PluginData'],
        displayName: [2, 'string'],
        summaryDescription: [3, 'string'],
        dataClass: [4, 'int32'],
      },
      {},
      { PluginData: message({ pluginName: [1, 'string'], content: [2, 'bytes'] }) },
    ),
    HistogramProto: message({
      min: [1, 'double'],
      max: [2, 'double'],
      num: [3, 'double'],
      sum: [4, 'double'],
      sumSquares: [5, 'double'],
      bucketLimit: [6, 'double', 'repeated'],
      bucket: [7, 'double', 'repeated'],
    }),
    TensorProto: message({
      dtype: [1, 'int32'],
      tensorShape: [2, 'TensorShapeProto'],
      tensorContent: [4, 'bytes'],
      stringVal: [8, 'bytes', 'repeated'],
    }),
    TensorShapeProto: message(
      { dim: [2, 'Dim', 'repeated'], unknownRank: [3, 'bool'] },
      {},
      { Dim: message({ size: [1, 'int64'], name: [2, 'string'] }) },
    ),
    GraphDef: message({ node: [1, 'NodeDef', 'repeated'] }),
    NodeDef: {
      fields: {
        name: { id: 1, type: 'string' },
        op: { id: 2, type: 'string' },
        input: { id: 3, type: 'string', rule: 'repeated' },
        device: { id: 4, type: 'string' },
        attr: { id: 5, type: 'AttrValue', keyType: 'string' } as protobuf.IMapField,
      },
    },
    AttrValue: message(
      {
        list: [1, 'ListValue'],
        s: [2, 'bytes'],
        i: [3, 'int64'],
        f: [4, 'float'],
        b: [5, 'bool'],
        type: [6, 'int32'],
        shape: [7, 'TensorShapeProto'],
        tensor: [8, 'TensorProto'],
      },
      { value: { oneof: ['list', 's', 'i', 'f', 'b', 'type', 'shape', 'tensor'] } },
      {
        ListValue: message({
          s: [2, 'bytes', 'repeated'],
          i: [3, 'int64', 'repeated'],
          f: [4, 'float', 'repeated'],
          shape: [7, 'TensorShapeProto', 'repeated'],
        }),
      },
    ),
  },
})

const decode = <T>(type: string, bytes: Uint8Array): T => {
  const found = root.lookupType(type)
  return found.toObject(found.decode(bytes), { longs: Number, defaults: false, arrays: false }) as T
}

/** An event as it was read. */
export interface ReadEvent {
  readonly wallTime?: number
  readonly step?: number
  readonly fileVersion?: string
  readonly graphDef?: Uint8Array
  readonly summary?: { readonly value: readonly ReadValue[] }
}

export interface ReadValue {
  readonly tag: string
  readonly metadata?: { readonly pluginData: { readonly pluginName: string } }
  readonly simpleValue?: number
  readonly image?: {
    readonly height: number
    readonly width: number
    readonly colorspace: number
    readonly encodedImageString: Uint8Array
  }
  readonly histo?: {
    readonly min: number
    readonly max: number
    readonly num: number
    readonly sum: number
    readonly sumSquares: number
    readonly bucketLimit: readonly number[]
    readonly bucket: readonly number[]
  }
  readonly tensor?: { readonly dtype: number; readonly stringVal: readonly Uint8Array[] }
}

export interface ReadNode {
  readonly name: string
  readonly op: string
  readonly input?: readonly string[]
  readonly device?: string
  /** Texts decoded, everything else as protobufjs gives it. */
  readonly attr: Readonly<Record<string, unknown>>
}

/** The events of a file; throws when a length or one of the checks is wrong. */
export function readEvents(file: Uint8Array): ReadEvent[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const events: ReadEvent[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true))
    check(file.subarray(at, at + 8), view.getUint32(at + 8, true))
    const record = file.subarray(at + 12, at + 12 + length)
    check(record, view.getUint32(at + 12 + length, true))
    events.push(decode('Event', record))
    at += 16 + length
  }
  return events
}

function check(bytes: Uint8Array, masked: number): void {
  const rotated = (masked - 0xa282ead8) >>> 0
  const crc = ((rotated << 15) | (rotated >>> 17)) >>> 0
  if (crc !== new Crc32c().update(bytes).digest()) throw new Error('The check of a record is wrong.')
}

/** The nodes of the graph in a file, by name. */
export function readGraph(events: readonly ReadEvent[]): Map<string, ReadNode> {
  const { graphDef } = events.find((event) => event.graphDef)!
  const { node = [] } = decode<{ node?: readonly RawNode[] }>('GraphDef', graphDef!)
  return new Map(node.map(({ attr = {}, ...rest }) => [rest.name, { ...rest, attr: plain(attr) }]))
}

interface RawNode extends Omit<ReadNode, 'attr'> {
  readonly attr?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const plain = (attr: NonNullable<RawNode['attr']>) =>
  Object.fromEntries(
    Object.entries(attr).map(([key, { s, ...other }]) => [
      key,
      s instanceof Uint8Array ? new TextDecoder().decode(s) : (Object.values(other)[0] ?? null),
    ]),
  )

/** The values of all summaries of a file, by tag, in order. */
export function readValues(events: readonly ReadEvent[]): Map<string, (ReadValue & { step: number })[]> {
  const values = new Map<string, (ReadValue & { step: number })[]>()
  for (const { summary, step = 0 } of events)
    for (const value of summary?.value ?? [])
      values.set(value.tag, [...(values.get(value.tag) ?? []), { ...value, step }])
  return values
}
