import { create, toBinary } from '@bufbuild/protobuf'
import type { Graph } from '@mixbit/graph'
import { type Event, EventSchema, GraphDefSchema } from './gen/tensorboard_pb.ts'
import { graphDef, type Notes } from './graph-def.ts'
import type { Histogram } from './histogram.ts'
import { encodePng, type Picture } from './png.ts'
import { frameRecords } from './records.ts'

/** One thing to show in a run of TensorBoard; `step` is its place on the horizontal axis (default 0). */
export type Entry =
  | { readonly graph: Graph; readonly notes?: Notes }
  | ({ readonly tag: string; readonly step?: number } & (
      | { readonly scalar: number }
      | { readonly histogram: Histogram }
      | { readonly picture: Picture }
      | { readonly markdown: string }
    ))

/** An event file needs `tfevents` in its name, and one of a fixed name is replaced when a run is repeated. */
export const eventFileName = 'events.out.tfevents.0.mixbit'

/**
 * The bytes of an event file: one TensorBoard run.
 * @param wallTime seconds since 1970 that every event is stamped with. Default 0, so that the same entries give the same bytes.
 */
export function encodeEvents(entries: readonly Entry[], wallTime = 0): Uint8Array {
  const first = create(EventSchema, { wallTime, what: { case: 'fileVersion', value: 'brain.Event:2' } })
  const events = [first, ...entries.map((entry) => eventOf(entry, wallTime))]
  return frameRecords(events.map((event) => toBinary(EventSchema, event)))
}

function eventOf(entry: Entry, wallTime: number): Event {
  if ('graph' in entry) {
    const value = toBinary(GraphDefSchema, graphDef(entry.graph, entry.notes))
    return create(EventSchema, { wallTime, what: { case: 'graphDef', value } })
  }
  const { tag, step = 0 } = entry
  const value = [{ tag, ...contentOf(entry) }]
  return create(EventSchema, { wallTime, step: BigInt(step), what: { case: 'summary', value: { value } } })
}

type Measured = Exclude<Entry, { readonly graph: Graph }>

function contentOf(entry: Measured) {
  if ('scalar' in entry) return { value: { case: 'simpleValue' as const, value: Math.fround(entry.scalar) } }
  if ('histogram' in entry) return { value: { case: 'histo' as const, value: histogramProto(entry.histogram) } }
  if ('picture' in entry) {
    const { width, height } = entry.picture
    const value = { width, height, colorspace: 3, encodedImageString: encodePng(entry.picture) }
    return { value: { case: 'image' as const, value } }
  }
  const value = { dtype: 7, tensorShape: {}, stringVal: [new TextEncoder().encode(entry.markdown)] }
  return { metadata: { pluginData: { pluginName: 'text' } }, value: { case: 'tensor' as const, value } }
}

const histogramProto = ({ min, max, mean, sumOfSquares, count, limits, counts }: Histogram) => ({
  min,
  max,
  num: count,
  sum: mean * count,
  sumSquares: sumOfSquares,
  bucketLimit: [...limits],
  bucket: [...counts],
})
