export { type Cut, cut } from './cut.ts'
export { MixbitError, type MixbitErrorDetails } from './error.ts'
export type {
  Attr,
  Dim,
  Graph,
  Grid,
  Node,
  NodeId,
  OpKind,
  Recurrence,
  Value,
  ValueId,
  Weight,
  Window,
} from './graph.ts'
export { f16ToF32, f32ToF16, toF32 } from './half.ts'
export { collapseLinear } from './passes/collapse-linear.ts'
export { collapseResidual } from './passes/collapse-residual.ts'
export { foldBatchNorm } from './passes/fold-batch-norm.ts'
export { foldConstants } from './passes/fold-constants.ts'
export { type LinearLayer, linearLayer, withLayer } from './passes/linear-layer.ts'
export { mergeActivation } from './passes/merge-activation.ts'
export { reluBoundToPowerOf2 } from './passes/relu-bound.ts'
export { isHomogeneous, type ScalablePair, scalablePairs, scaleChannels } from './passes/scale-channels.ts'
export { canShift, type Shifted, shiftActivation } from './passes/shift-activation.ts'
export {
  consumers,
  downstream,
  nodeById,
  onlyTheirValues,
  originOf,
  producers,
  pruneUnused,
  readsOf,
  replaceValues,
} from './query.ts'
export { type Pass, rewrite } from './rewrite.ts'
export { opKinds } from './shorthand.ts'
export { bitsOf, type DType, f32, sizeOf, type Tensor, type TensorData, type Tensors } from './tensor.ts'
export { type PrintOptions, parseGraph, printGraph } from './text.ts'
export { verify } from './verify.ts'
