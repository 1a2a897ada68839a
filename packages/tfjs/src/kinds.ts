import type { OpKind } from '@mixbit/graph'

/** Kinds whose weights `@mixbit/tfjs` stores on a grid. */
export const weightKinds: ReadonlySet<OpKind> = new Set([
  'conv',
  'depthwiseConv',
  'convTranspose',
  'dense',
  'matmul',
  'embedding',
  'recurrent',
])
