import type { Grid } from '@mixbit/graph'
import {
  type Compensated,
  compensate,
  coupleRows,
  diagonalOf,
  type Factored,
  leastSquares,
  levelsFor,
  nearestRounding,
  paddedWidth,
  refit,
  refitLevels,
  startScales,
  type TableScheme,
  type WeightRows,
  weightRows,
  withMiddles,
} from '@mixbit/quantizers'
import { allFinite } from '../samples.ts'
import type { LayerRows } from './layer-rows.ts'
import { type Block, evidence, type Moments } from './moments.ts'
import { roundUniform } from './round-uniform.ts'
import { rowsOfScale, scaleGroup, scaleGroups } from './scale-rows.ts'

/** A block of columns, ready to be rounded. */
export interface RowsBlock extends Block {
  readonly problem: Factored
  readonly rows: WeightRows
}

/** The least-squares problem of a layer, ready to be rounded. */
export interface LayerProblem {
  readonly layer: LayerRows
  readonly blocks: readonly RowsBlock[]
  /** Blocks whose inputs say nothing: their weights go to the nearest points. */
  readonly indifferent: number
}

/** A layer's weights on a grid. */
export interface RoundedLayer {
  readonly grid: Grid
  /** In the layout of the weight. */
  readonly integers: Int8Array | Int16Array
  /** Mean squared error at the output of the layer that the rounding makes, summed over its channels. */
  readonly error: number
}

/**
 * The problem of a layer with these inputs. With targets the weights are fitted anew to them first; `hasBias`: a bias takes
 * up the means. Groups whose inputs say nothing, being zero or constant, are left to nearest rounding. Null where those of all groups
 * are so or do not give a positive definite matrix, and where one is not finite.
 */
export function layerProblem(
  layer: LayerRows,
  moments: readonly Moments[],
  weights: Float32Array,
  hasBias: boolean,
): LayerProblem | null {
  const parts = moments.map((block) => {
    const { group, first, columns } = block
    const original = new Float32Array(layer.outputs * columns)
    for (let row = 0; row < layer.outputs; row++)
      for (let j = 0; j < columns; j++) original[row * columns + j] = weights[layer.weightIndex(group, row, first + j)]!
    const { gram, residual } = evidence(block, original, hasBias)
    const varies = diagonalSum(gram, columns) > noise * diagonalSum(block.gram, columns)
    return { group, first, columns, original, gram, residual, problem: varies ? leastSquares(gram, columns) : null }
  })
  const known = parts.flatMap(({ problem }) => problem ?? [])
  if (known.length === 0 || !parts.every(({ gram }) => allFinite(gram))) return null
  const blocks: RowsBlock[] = []
  for (const { group, first, columns, original, residual, problem: own } of parts) {
    const problem = own ?? indifferent(columns, known)
    if (!problem) return null
    // A block alone cannot be fitted to the target of all of them.
    const fits = own && residual && columns === layer.inputs
    const fitted = fits ? refit(problem, residual, original) : original
    if (!allFinite(fitted)) return null
    blocks.push({ group, first, columns, problem, rows: weightRows(problem, fitted) })
  }
  return { layer, blocks, indifferent: parts.length - known.length }
}

/** All weights count the same, and next to nothing beside those of other blocks. */
function indifferent(columns: number, others: readonly Factored[]): Factored | null {
  const mean = others.reduce((sum, { h, columns: n }) => sum + diagonalSum(h, n) / n, 0) / others.length
  const width = paddedWidth(columns)
  const gram = new Float32Array(width * width)
  for (let j = 0; j < columns; j++) gram[j * width + j] = noEvidence * mean
  return leastSquares(gram, columns)
}

/** Of a matrix with padded rows. */
function diagonalSum(matrix: Float32Array, columns: number): number {
  const width = paddedWidth(columns)
  let sum = 0
  for (let j = 0; j < columns; j++) sum += matrix[j * width + j]!
  return sum
}

/** How much weights without evidence count, as a share of the others. */
const noEvidence = 1e-6

/** Less variance, as a share of the mean square, is an error of float32. */
const noise = 1e-6

export interface RoundOptions {
  readonly scheme: TableScheme | 'uniform'
  readonly bits: number
  /** Axis of the outputs in the weight. */
  readonly axis: number
  /** The grid of a nearest rounding on the same levels that must not be better. */
  readonly nearest?: Pick<Grid, 'scale' | 'zeroPoint'> | undefined
  /** Turns of fitting a k-means table to its codes and rounding again. Default 0. */
  readonly tableTurns?: number
  /** Lets pairs of weights move at once. Default false. */
  readonly pairs?: boolean
  /** How much errors of two outputs count together, [outputs, outputs], of a layer with one group. Default: each for itself. */
  readonly coupling?: Float32Array | undefined
}

type TableOptions = RoundOptions & { readonly scheme: TableScheme }

/** Rounds a layer to a scheme at a bit-width, one scale per output. */
export function roundLayer(problem: LayerProblem, options: RoundOptions): RoundedLayer {
  const { scheme, bits, tableTurns = 0, pairs = false, coupling } = options
  if (scheme === 'uniform') return roundUniform(problem, options)
  const counted = problem.blocks.map((block) => ({ rows: block.rows, diagonal: diagonalOf(block.problem) }))
  const turns = scheme === 'kMeans' ? tableTurns : 0
  // Pairs take the longest, and change no table for the better: they wait for the last one, or for all outputs to be in view.
  const round = (turn: number, levels: readonly number[]) => ({
    levels,
    ...roundTo(problem, levels, { ...options, scheme, pairs: pairs && turn === turns && !coupling }),
  })
  let best = round(0, levelsFor(scheme, bits, counted))
  for (let turn = 1; turn <= turns; turn++) {
    const next = round(turn, refitLevels(best.parts, best.levels))
    if (!(next.error < best.error)) break
    best = next
  }
  if (coupling) return coupled(problem, best, { ...options, scheme, coupling })
  // Scales that several blocks share are found before any of them is rounded.
  const { nearest } = options
  const plain =
    nearest && best.parts.length > scaleGroups(problem.layer)
      ? nearestTo(problem, best.levels, { ...options, scheme, nearest })
      : null
  return plain && plain.error < best.error ? plain : best
}

/** Every weight to the nearest level on a grid. */
function nearestTo(
  { layer, blocks }: LayerProblem,
  levels: readonly number[],
  { scheme, bits, axis, nearest }: TableOptions & { readonly nearest: Pick<Grid, 'scale'> },
): RoundedLayer {
  const integers = new Int8Array(layer.groups * layer.outputs * layer.inputs)
  let error = 0
  for (const block of blocks) {
    const { group, first, problem, rows } = block
    const at = scaleGroup(layer, block) * layer.outputs
    const scale = nearest.scale.subarray(at, at + layer.outputs)
    const rounded = nearestRounding(problem, rows, withMiddles(levels), scale)
    for (let row = 0; row < layer.outputs; row++) {
      error += rounded.error[row]!
      for (let j = 0; j < problem.columns; j++)
        integers[layer.weightIndex(group, row, first + j)] = rounded.q[row * problem.width + j]!
    }
  }
  return { grid: gridOf(scheme, bits, axis, nearest.scale, levels), integers, error }
}

/** The grid on which nearest rounding loses least when each weight counts as the diagonal of H says (HMSE). */
export function weightedGrid({ layer, blocks }: LayerProblem, { scheme, bits, axis }: TableOptions): Grid {
  const counted = blocks.map((block) => ({ rows: block.rows, diagonal: diagonalOf(block.problem) }))
  const levels = levelsFor(scheme, bits, counted)
  return gridOf(scheme, bits, axis, sharedScales(layer, blocks, scheme, levels), levels)
}

const gridOf = (
  scheme: TableScheme,
  bits: number,
  axis: number,
  scale: Float32Array,
  levels: readonly number[],
): Grid => ({
  bits,
  signed: true,
  axis,
  scale,
  zeroPoint: new Int32Array(scale.length),
  ...(scheme !== 'symmetric' && scheme !== 'powerOfTwo' && { levels: Int8Array.from(levels) }),
})

/** Rounds a layer to levels. */
function roundTo(
  { layer, blocks }: LayerProblem,
  levels: readonly number[],
  { scheme, bits, axis, nearest, pairs = false }: TableOptions,
): RoundedLayer & { readonly parts: readonly Part[] } {
  const { outputs } = layer
  const shared = blocks.length > scaleGroups(layer) ? sharedScales(layer, blocks, scheme, levels) : null
  const parts = blocks.map((block) => {
    const first = scaleGroup(layer, block) * outputs
    const own = (scales: Float32Array | null | undefined) => scales?.subarray(first, first + outputs)
    const options = { scale: own(shared), nearest: shared ? undefined : own(nearest?.scale), pairs }
    return { ...block, rounded: compensate(block.problem, block.rows, scheme, levels, options) }
  })
  return { ...joined(layer, parts, levels, { scheme, bits, axis }), parts }
}

type Part = RowsBlock & { readonly rounded: Compensated }

/** Its outputs rounded again, with all of them in view. */
function coupled(
  { layer, blocks }: LayerProblem,
  { parts, levels }: { readonly parts: readonly Part[]; readonly levels: readonly number[] },
  { coupling, ...options }: TableOptions & { readonly coupling: Float32Array },
): RoundedLayer {
  const fixed = blocks.length > scaleGroups(layer)
  const again = parts.map((part): Part => {
    const rounded = coupleRows(part.problem, part.rows, part.rounded, {
      scheme: options.scheme,
      levels,
      coupling,
      fixed,
    })
    return { ...part, rounded }
  })
  return joined(layer, again, levels, options)
}

/** The blocks as one layer. */
function joined(
  layer: LayerRows,
  parts: readonly Part[],
  levels: readonly number[],
  { scheme, bits, axis }: Pick<TableOptions, 'scheme' | 'bits' | 'axis'>,
): RoundedLayer {
  const { groups, outputs, inputs } = layer
  const scale = new Float32Array(scaleGroups(layer) * outputs)
  const integers = new Int8Array(groups * outputs * inputs)
  let error = 0
  for (const { group, first, problem, rounded } of parts) {
    scale.set(rounded.scale, scaleGroup(layer, { group }) * outputs)
    for (let row = 0; row < outputs; row++) {
      error += rounded.error[row]!
      for (let j = 0; j < problem.columns; j++)
        integers[layer.weightIndex(group, row, first + j)] = rounded.integers[row * problem.columns + j]!
    }
  }
  return { grid: gridOf(scheme, bits, axis, scale, levels), integers, error }
}

/** Scales of layers in blocks, from all columns of a row together. */
function sharedScales(
  layer: LayerRows,
  blocks: readonly RowsBlock[],
  scheme: TableScheme,
  levels: readonly number[],
): Float32Array {
  const scales = new Float32Array(scaleGroups(layer) * layer.outputs)
  for (const [group, { diagonal, ...rows }] of rowsOfScale(layer, blocks).entries()) {
    const [best] = startScales(rows, diagonal, scheme, withMiddles(levels), 1)
    scales.set(best!, group * layer.outputs)
  }
  return scales
}
