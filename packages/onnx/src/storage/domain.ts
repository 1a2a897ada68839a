import type { Grid } from '@mixbit/graph'

/** onnxruntime's own operators. */
export const microsoft = 'com.microsoft'

/** QuantizeLinear or DequantizeLinear for a grid: 16-bit integers are onnxruntime's own up to opset 20, and anybody's from 21 on. */
export const inDomain = (op: string, { bits }: Grid, opset: number): string =>
  bits > 8 && opset < 21 ? `${microsoft}::${op}` : op
