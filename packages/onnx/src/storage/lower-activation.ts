import { type Grid, MixbitError, type Node, type ValueId } from '@mixbit/graph'
import type { Builder } from '../builder.ts'
import { inDomain } from './domain.ts'

const arrays = { i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array }

/**
 * A fakeQuantize node as QuantizeLinear and DequantizeLinear per tensor. Widths below 8 bits are 8-bit integers that a Clip
 * keeps in their range: between the two, where the neighbours still fuse into integer kernels. 16 bits need no Clip; the
 * widths between, for whose integers onnxruntime has none, cannot be written.
 * @throws MixbitError `ONNX_ACTIVATION_GRID`.
 */
export function lowerActivation(to: Builder, node: Node, opset: number): void {
  const { bits, signed, axis, scale: scales, zeroPoint: zeros } = node.grid as Grid
  if ((bits > 8 && bits !== 16) || axis !== null)
    throw new MixbitError(
      'ONNX_ACTIVATION_GRID',
      `Activation ${node.inputs[0]} is on a grid of ${bits} bits${axis === null ? '' : ' per channel'}; ONNX files carry 2 to 8 or 16 bits per tensor.`,
      { hint: 'Take a target platform with activations of 16 bits, or of 8 and less.' },
    )
  const input = node.inputs[0] as ValueId
  const output = node.outputs[0] as ValueId
  const dtype = `${signed ? 'i' : 'u'}${bits > 8 ? 16 : 8}` as const
  const op = (name: string) => inDomain(name, node.grid as Grid, opset)
  const { shape } = to.values.get(input) ?? {}
  const like = { dtype, ...(shape && { shape }) }
  const integer = (x: number, key: string) =>
    to.constant({ dtype, shape: [], data: arrays[dtype].of(x) }, `${key}${dtype}${x}`)
  const scale = to.constant({ dtype: 'f32', shape: [], data: scales }, `scale${scales[0]}`)
  const zeroPoint = integer(zeros[0]!, 'zero')
  let quantized = to.node(op('QuantizeLinear'), [input, scale, zeroPoint], like)
  if (bits < 8) {
    const low = signed ? -(2 ** (bits - 1)) : 0
    quantized = to.node('Clip', [quantized, integer(low, 'bound'), integer(low + 2 ** bits - 1, 'bound')], like)
  }
  to.node(op('DequantizeLinear'), [quantized, scale, zeroPoint], { ...like, dtype: 'f32' }, {}, output)
}
