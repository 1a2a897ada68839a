import { diagonalOf } from '@mixbit/quantizers'
import type { LayerRows } from './layer-rows.ts'
import type { Block } from './moments.ts'
import type { RowsBlock } from './round-layer.ts'

/** How many groups have scales of their own. */
export const scaleGroups = ({ groups, sharedScale }: LayerRows): number => (sharedScale ? 1 : groups)

/** The place of a block's scales among them. */
export const scaleGroup = ({ sharedScale }: LayerRows, { group }: Pick<Block, 'group'>): number =>
  sharedScale ? 0 : group

/** Rows of weights that share their scales, from all blocks, padded with zeros. */
export interface ScaleRows {
  readonly count: number
  /** [count, width] */
  readonly weights: Float32Array
  /** How much an error of each column counts. */
  readonly diagonal: Float32Array
}

/** By group of scales: all columns of every row together. */
export const rowsOfScale = (layer: LayerRows, blocks: readonly RowsBlock[]): ScaleRows[] =>
  Array.from({ length: scaleGroups(layer) }, (_, group) => {
    const parts = blocks.filter((block) => scaleGroup(layer, block) === group)
    const width = parts.reduce((sum, { problem }) => sum + problem.width, 0)
    const weights = new Float32Array(layer.outputs * width)
    const diagonal = new Float32Array(width)
    let at = 0
    for (const { problem, rows } of parts) {
      diagonal.set(diagonalOf(problem), at)
      for (let row = 0; row < layer.outputs; row++)
        weights.set(rows.weights.subarray(row * problem.width, (row + 1) * problem.width), row * width + at)
      at += problem.width
    }
    return { count: layer.outputs, weights, diagonal }
  })
