import { type Grid, MixbitError, type Node, type ValueId } from '@mixbit/graph'
import type { Builder } from '../builder.ts'

/**
 * A fakeQuantize node as QuantizeLinear and DequantizeLinear per tensor. Widths below 8 bits are 8-bit integers that a Clip
 * keeps in their range: between the two, where the neighbours still fuse into integer kernels.
 * @throws MixbitError `ONNX_ACTIVATION_GRID`.
 */
export function lowerActivation(to: Builder, node: Node): void {
  const { bits, signed, axis, scale: scales, zeroPoint: zeros } = node.grid as Grid
  if (bits > 8 || axis !== null)
    throw new MixbitError(
      'ONNX_ACTIVATION_GRID',
      `Activation ${node.inputs[0]} is on a grid of ${bits} bits${axis === null ? '' : ' per channel'}; ONNX files carry up to 8 bits per tensor.`,
      { hint: 'Take a target platform with activations of 8 bits or less.' },
    )
  const input = node.inputs[0] as ValueId
  const output = node.outputs[0] as ValueId
  const dtype = signed ? ('i8' as const) : ('u8' as const)
  const { shape } = to.values.get(input) ?? {}
  const like = { dtype, ...(shape && { shape }) }
  const integer = (x: number, key: string) =>
    to.constant({ dtype, shape: [], data: signed ? Int8Array.of(x) : Uint8Array.of(x) }, `${key}${dtype}${x}`)
  const scale = to.constant({ dtype: 'f32', shape: [], data: scales }, `scale${scales[0]}`)
  const zeroPoint = integer(zeros[0]!, 'zero')
  let quantized = to.node('QuantizeLinear', [input, scale, zeroPoint], like)
  if (bits < 8) {
    const low = signed ? -(2 ** (bits - 1)) : 0
    quantized = to.node('Clip', [quantized, integer(low, 'bound'), integer(low + 2 ** bits - 1, 'bound')], like)
  }
  to.node('DequantizeLinear', [quantized, scale, zeroPoint], { ...like, dtype: 'f32' }, {}, output)
}
