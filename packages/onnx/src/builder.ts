import type { Attr, Node, Tensor, Value, ValueId } from '@mixbit/graph'

/** Collects constants and nodes under short fresh names, for transforms that add to a graph. */
export interface Builder {
  readonly values: Map<ValueId, Value>
  readonly nodes: Node[]
  /** Adds a constant and returns its id; equal `key`s share one. */
  constant(tensor: Tensor, key?: string): ValueId
  /** Adds a node with one output and returns that output (`output` names it). */
  node(
    op: string,
    inputs: readonly (ValueId | null)[],
    like: Pick<Value, 'dtype' | 'shape'>,
    attrs?: Record<string, Attr>,
    output?: ValueId,
  ): ValueId
}

export function builder(taken: ReadonlyMap<ValueId, Value>): Builder {
  const values = new Map(taken)
  const nodes: Node[] = []
  const shared = new Map<string, ValueId>()
  let count = 0
  const fresh = () => {
    let id = `q${(count++).toString(36)}`
    while (values.has(id)) id = `q${(count++).toString(36)}`
    return id
  }
  return {
    values,
    nodes,
    constant(tensor, key) {
      const known = key === undefined ? undefined : shared.get(key)
      if (known) return known
      const id = fresh()
      values.set(id, { id, dtype: tensor.dtype, shape: tensor.shape, tensor })
      if (key !== undefined) shared.set(key, id)
      return id
    },
    node(op, inputs, like, attrs = {}, output = fresh()) {
      values.set(output, { id: output, ...like })
      nodes.push({ id: `${output}_`, kind: 'opaque', op, inputs, outputs: [output], attrs, weights: [] })
      return output
    },
  }
}
