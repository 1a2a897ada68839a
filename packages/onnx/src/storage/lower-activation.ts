import { type Grid, MixbitError, type Node, type ValueId } from '@mixbit/graph'
import type { Builder } from '../builder.ts'

/** A fakeQuantize node as QuantizeLinear and DequantizeLinear, per tensor, 8 bits. @throws MixbitError `ONNX_ACTIVATION_GRID`. */
export function lowerActivation(to: Builder, node: Node): void {
  const grid = node.grid as Grid
  if (grid.bits !== 8 || grid.axis !== null)
    throw new MixbitError(
      'ONNX_ACTIVATION_GRID',
      `Activation ${node.inputs[0]} is on a grid of ${grid.bits} bits${grid.axis === null ? '' : ' per channel'}; ONNX files carry 8 bits per tensor.`,
      { hint: 'Take a target platform with 8-bit activations.' },
    )
  const input = node.inputs[0] as ValueId
  const output = node.outputs[0] as ValueId
  const dtype = grid.signed ? ('i8' as const) : ('u8' as const)
  const { shape } = to.values.get(input) ?? {}
  const scale = to.constant({ dtype: 'f32', shape: [], data: grid.scale }, `scale${grid.scale[0]}`)
  const zeroPoint = to.constant(
    { dtype, shape: [], data: grid.signed ? Int8Array.from(grid.zeroPoint) : Uint8Array.from(grid.zeroPoint) },
    `zero${dtype}${grid.zeroPoint[0]}`,
  )
  const integer = to.node('QuantizeLinear', [input, scale, zeroPoint], { dtype, ...(shape && { shape }) })
  to.node('DequantizeLinear', [integer, scale, zeroPoint], { dtype: 'f32', ...(shape && { shape }) }, {}, output)
}
