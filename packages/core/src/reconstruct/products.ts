import { type Tensor, toF32 } from '@mixbit/graph'
import { paddedWidth, pickReconstructKernel } from '@mixbit/quantizers'
import type { LayerRows } from './layer-rows.ts'
import type { Moments, WriteTarget } from './moments.ts'

/** A weight and the sign with which its product counts. */
export interface Product {
  readonly rows: LayerRows
  readonly weights: Float32Array
  readonly sign: 1 | -1
}

/** What the rows of one product gather from, for one sample. */
export interface Factor {
  readonly rows: LayerRows
  readonly input: Tensor
  readonly output: readonly number[]
}

/**
 * Targets that no value of the graph shows (before an activation inside a layer, or among the gates of a recurrent one) are sums of
 * products. Observed are the factors: the weights are multiplied in afterwards, once instead of at every position.
 */
export const factorTargets = (products: readonly Product[]): number =>
  products.reduce((sum, { rows }) => sum + rows.inputs, 0)

/** Writes the factors of all products, group by group. */
export function writeFactors(factors: readonly Factor[]): WriteTarget {
  const { groups } = factors[0]!.rows
  const perGroup = factors.reduce((sum, { rows }) => sum + rows.inputs, 0)
  const parts = factors.map((factor) => ({
    ...factor,
    data: toF32(factor.input),
    x: new Float32Array(groups * factor.rows.inputs),
  }))
  return (position, to, at) => {
    let start = at
    for (const { rows, data, input, output, x } of parts) {
      rows.gather(data, { input: input.shape, output, position }, x, 0)
      for (let group = 0; group < groups; group++)
        to.set(x.subarray(group * rows.inputs, (group + 1) * rows.inputs), start + group * perGroup)
      start += rows.inputs
    }
  }
}

/** Moments of factors as moments of the sum of products. */
export function multiplied(moments: readonly Moments[], products: readonly Product[]): Moments[] {
  const { outputs } = products[0]!.rows
  return moments.map((seen) => {
    const matrix = matrixOf(products, seen.group)
    const [width, outWidth] = [seen.meanX.length, paddedWidth(outputs)]
    const factors = seen.meanY.length
    const transposed = new Float32Array(factors * width)
    for (let i = 0; i < width; i++)
      for (let k = 0; k < factors; k++) transposed[k * width + i] = seen.cross[i * factors + k]!
    const meanY = new Float64Array(outWidth)
    for (let row = 0; row < outputs; row++)
      for (let k = 0; k < factors; k++) meanY[row]! += matrix[k * outWidth + row]! * seen.meanY[k]!
    return { ...seen, cross: pickReconstructKernel().product(transposed, width, matrix, outWidth), meanY }
  })
}

/** The weights of one group, one row per factor, padded. */
function matrixOf(products: readonly Product[], group: number): Float32Array {
  const { outputs } = products[0]!.rows
  const outWidth = paddedWidth(outputs)
  const matrix = new Float32Array(paddedWidth(factorTargets(products)) * outWidth)
  let first = 0
  for (const { rows, weights, sign } of products) {
    for (let row = 0; row < outputs; row++)
      for (let j = 0; j < rows.inputs; j++)
        matrix[(first + j) * outWidth + row] = sign * weights[rows.weightIndex(group, row, j)]!
    first += rows.inputs
  }
  return matrix
}
