// The one door to @mixbit/graph, so that `--help` loads nothing heavier than this.

export type { Dim, DType, Graph, Node, Tensor, TensorData, Tensors, Value } from '@mixbit/graph'
export { f32ToF16, MixbitError, sizeOf, toF32 } from '@mixbit/graph'
