import type { Graph, Tensor, Value } from '@mixbit/graph'
import type { RawWeight } from './manifest.ts'

/** What the adapter keeps of a model beside its graph. */
export interface TfjsMeta {
  readonly format: 'graph-model' | 'layers-model'
  /** Fields of model.json that go back as they came. */
  readonly json: Readonly<Record<string, unknown>>
  /** How the file had each weight: a tensor that nobody has replaced is written so. */
  readonly raw: ReadonlyMap<Tensor, RawWeight>
  /** Weights that only functions of the library read. */
  readonly loose: readonly RawWeight[]
}

export const metaOf = (graph: Pick<Graph, 'meta'>): TfjsMeta => graph.meta as unknown as TfjsMeta

/** A constant as the IR has it. */
export const constantValue = (id: string, tensor: Tensor): Value => ({
  id,
  dtype: tensor.dtype,
  shape: tensor.shape,
  tensor,
})
