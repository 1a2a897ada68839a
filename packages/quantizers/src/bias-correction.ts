import { MixbitError } from '@mixbit/graph'
import { layoutOf } from './layout.ts'

export interface BiasCorrectionOptions {
  readonly weights: ArrayLike<number>
  /** The dequantized weights, in the same layout. */
  readonly quantized: ArrayLike<number>
  /**
   * [out, in / groups, ...spatial] with axis 0 (Conv, dense), [in, out] with axis 1 (MatMul, Gemm), [in, out / groups,
   * ...spatial] with axis 1 (ConvTranspose); channels last: [...spatial, in / groups, out] with the last axis (3 in two
   * dimensions), depthwise [...spatial, in, multiplier] with the last but one.
   */
  readonly shape: readonly number[]
  /** The axis of the output channels. */
  readonly axis: number
  /** E[x] of each input channel of the node; all groups. */
  readonly inputMean: ArrayLike<number>
  /** Default 1. Depthwise: as many as there are input channels. */
  readonly groups?: number
}

/**
 * What quantized weights add to the mean of each output channel: c_o = sum over i in the group of o and over space of
 * (Wq - W)_(o,i) * E[x_i]. The corrected bias is bias - c. One number per output channel of the node (with axis 1 and groups:
 * shape[1] * groups; depthwise with channels last: in * multiplier). Exact up to padding, where inputs are 0. Source: MCT, after DFQ (1906.04721).
 * @throws MixbitError `TENSOR_SIZE`, `AXIS_OUT_OF_RANGE`, `GROUPS_INVALID` when the numbers do not fit the shape.
 */
export function biasCorrection(options: BiasCorrectionOptions): Float64Array {
  const { weights, quantized, shape, axis, inputMean, groups = 1 } = options
  layoutOf(shape, axis, weights.length)
  layoutOf(shape, axis, quantized.length)
  if (axis > 1) return channelsLast(options)
  if (shape.length < 2)
    throw new MixbitError(
      'AXIS_OUT_OF_RANGE',
      `Output channels on axis ${axis} of shape [${shape}] cannot be corrected.`,
      {
        hint: 'Give a weight of rank 2 or more whose output channels are on axis 0 or 1.',
        context: { shape, axis },
      },
    )
  const outFirst = axis === 0
  const [rows, columns] = [shape[0]!, shape[1]!]
  const inputs = outFirst ? columns * groups : rows
  if (inputMean.length !== inputs || (outFirst ? rows : inputs) % groups !== 0)
    throw groupsError(shape, inputs, inputMean, groups, axis)
  const perGroup = rows / groups
  const spatial = weights.length / (rows * columns)
  const correction = new Float64Array(outFirst ? rows : columns * groups)
  for (let r = 0, at = 0; r < rows; r++) {
    const group = Math.floor(r / perGroup)
    for (let c = 0; c < columns; c++) {
      let change = 0
      for (let s = 0; s < spatial; s++, at++) change += quantized[at]! - weights[at]!
      const output = outFirst ? r : group * columns + c
      correction[output] = correction[output]! + change * inputMean[outFirst ? group * columns + c : r]!
    }
  }
  return correction
}

/** The same for [...spatial, in / groups, out] and [...spatial, in, multiplier]. */
function channelsLast({ weights, quantized, shape, axis, inputMean, groups = 1 }: BiasCorrectionOptions): Float64Array {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!]
  const depthwise = axis === shape.length - 2
  const outputs = depthwise ? rows * columns : columns
  const perGroup = depthwise ? columns : columns / groups
  const inputs = depthwise ? rows : rows * groups
  if (inputMean.length !== inputs || !Number.isInteger(perGroup))
    throw groupsError(shape, inputs, inputMean, groups, axis)
  const correction = new Float64Array(outputs)
  for (let at = 0; at < weights.length; at++) {
    const output = at % outputs
    const row = depthwise ? 0 : Math.floor(at / columns) % rows
    const input = Math.floor(output / perGroup) * (depthwise ? 1 : rows) + row
    correction[output]! += (quantized[at]! - weights[at]!) * inputMean[input]!
  }
  return correction
}

const groupsError = (
  shape: readonly number[],
  inputs: number,
  { length }: ArrayLike<number>,
  groups: number,
  axis: number,
) =>
  new MixbitError(
    'GROUPS_INVALID',
    `Weight [${shape}] in ${groups} groups has ${inputs} input channels, but ${length} means were given.`,
    { hint: 'Give the mean of every input channel, and the number of groups.', context: { shape, axis, groups } },
  )
