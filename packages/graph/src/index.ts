export { MixbitError, type MixbitErrorDetails } from './error.ts'
export type { Attr, Dim, Graph, Grid, Node, NodeId, OpKind, Value, ValueId, Weight } from './graph.ts'
export { bitsOf, type DType, f32, sizeOf, type Tensor, type TensorData, type Tensors } from './tensor.ts'
