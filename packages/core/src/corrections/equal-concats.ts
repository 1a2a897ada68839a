import type { Graph, Grid } from '@mixbit/graph'
import type { Activation } from '../observe.ts'

/**
 * Gives the activations that one concat joins the largest threshold among them, bit-width by bit-width, so that it need not
 * rescale. Signs stay as they are, and grids with a zero point (uniform ones), which have no threshold. A concat that reads another
 * one's output comes later in the graph and has the last word. Source: MCT's concatThresholdUpdate.
 */
export function equalConcats(graph: Graph, activations: readonly Activation[]): Activation[] {
  let equal = [...activations]
  for (const { kind, inputs } of graph.nodes)
    if (kind === 'concat') equal = equalized(equal, new Set(inputs.filter((id) => id !== null)))
  return equal
}

function equalized(activations: readonly Activation[], inputs: ReadonlySet<string>): Activation[] {
  const joined = activations.filter(({ values }) => values.some((id) => inputs.has(id)))
  const largest = new Map<number, number>()
  for (const { grid } of joined.flatMap(({ candidates }) => candidates))
    if (hasThreshold(grid)) largest.set(grid.bits, Math.max(thresholdOf(grid), largest.get(grid.bits) ?? 0))
  return activations.map((activation) =>
    joined.includes(activation)
      ? {
          ...activation,
          candidates: activation.candidates.map((candidate) => ({
            ...candidate,
            grid: withThreshold(candidate.grid, largest.get(candidate.bits)),
          })),
        }
      : activation,
  )
}

const hasThreshold = ({ zeroPoint }: Grid): boolean => zeroPoint[0] === 0
const levelsOf = ({ bits, signed }: Grid): number => 2 ** (signed ? bits - 1 : bits)
const thresholdOf = (grid: Grid): number => grid.scale[0]! * levelsOf(grid)
const withThreshold = (grid: Grid, threshold: number | undefined): Grid =>
  threshold === undefined || !hasThreshold(grid)
    ? grid
    : { ...grid, scale: Float32Array.of(threshold / levelsOf(grid)) }
