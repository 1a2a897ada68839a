// The one door to @mixbit/graph, so that `--help` loads nothing heavier than this.

export type { DType, Graph, Node, Tensor, Tensors, Value } from '@mixbit/graph'
export { MixbitError, sizeOf } from '@mixbit/graph'
