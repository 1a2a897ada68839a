import type { Graph } from '@mixbit/graph'
import type { ModelProto, TypeProto, ValueInfoProto } from './gen/onnx_pb.ts'

/** What `graph.meta` holds for a graph that came from ONNX. */
export interface OnnxMeta {
  /** Versions of the operator sets by domain; `''` is ai.onnx. */
  readonly opsets: Readonly<Record<string, number>>
  readonly irVersion: number
  /** The model without its graph: producer, functions, metadata. */
  readonly model: ModelProto
  /** Declared types of inputs, outputs and inner values, as the file had them. */
  readonly types: ReadonlyMap<string, TypeProto>
  readonly declared: ReadonlyMap<string, ValueInfoProto>
}

/** The notes of the reader; defaults (opset 17) for a graph that was made by hand. */
export function metaOf(graph: Graph): Partial<OnnxMeta> & Pick<OnnxMeta, 'opsets' | 'irVersion'> {
  const meta = graph.meta as Partial<OnnxMeta>
  return { ...meta, opsets: meta.opsets ?? { '': 17 }, irVersion: meta.irVersion ?? 8 }
}

/** Version of the default operator set. */
export const opsetOf = (graph: Graph): number => metaOf(graph).opsets[''] ?? 17
