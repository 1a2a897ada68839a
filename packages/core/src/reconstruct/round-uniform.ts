import type { Grid } from '@mixbit/graph'
import { compensateUniform, searchGrid } from '@mixbit/quantizers'
import type { LayerProblem, RoundedLayer, RoundOptions } from './round-layer.ts'
import { rowsOfScale, scaleGroup } from './scale-rows.ts'

/** Rounds a layer to grids with zero points, one per output: those of a search on its rows, and those of a nearest rounding. */
export function roundUniform(
  problem: LayerProblem,
  { bits, axis, nearest }: Omit<RoundOptions, 'scheme'>,
): RoundedLayer {
  const { layer, blocks } = problem
  const { groups, outputs, inputs } = layer
  const own = ownGrids(problem, bits)
  const { length: count } = own.scale
  const grid: Grid = { ...own, axis, scale: new Float32Array(count), zeroPoint: new Int32Array(count) }
  const integers = new Int16Array(groups * outputs * inputs)
  let error = 0
  for (const block of blocks) {
    const { group, first, problem: factored, rows } = block
    const at = scaleGroup(layer, block) * outputs
    const part = ({ scale, zeroPoint }: Pick<Grid, 'scale' | 'zeroPoint'>) => ({
      scale: scale.subarray(at, at + outputs),
      zeroPoint: zeroPoint.subarray(at, at + outputs),
    })
    // Blocks of one row share their grid, so none of them may choose.
    const fixed = blocks.length * outputs > count
    const other = nearest && !fixed && nearest.scale.some((scale, i) => scale !== own.scale[i])
    const starts = [part(own), ...(other ? [part(nearest)] : [])]
    const rounded = compensateUniform(factored, rows, { bits, starts, fixed })
    grid.scale.set(rounded.scale, at)
    grid.zeroPoint.set(rounded.zeroPoint, at)
    for (let row = 0; row < outputs; row++) {
      error += rounded.error[row]!
      for (let j = 0; j < factored.columns; j++)
        integers[layer.weightIndex(group, row, first + j)] = rounded.integers[row * factored.columns + j]!
    }
  }
  return { grid, integers, error }
}

/** A grid for every row, from all of its weights. */
function ownGrids({ layer, blocks }: LayerProblem, bits: number): Grid {
  const rows = rowsOfScale(layer, blocks)
  const parts = rows.map(({ weights, count }): Grid => {
    const shape = [count, weights.length / count]
    return searchGrid({ data: weights, shape, axis: 0, bits, scheme: 'uniform' })
  })
  const scale = Float32Array.from(parts.flatMap((part) => [...part.scale]))
  return { ...parts[0]!, scale, zeroPoint: Int32Array.from(parts.flatMap(({ zeroPoint }) => [...zeroPoint])) }
}
