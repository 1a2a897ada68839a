import { type Node, sizeOf, type Weight } from '@mixbit/graph'
import type { LayerRows, Place } from './layer-rows.ts'

/**
 * The matrix form of a matrix product with a weight [...batch, n, m] on either side: `x W`, every row of x on its own, or `W x`,
 * every column. One group for every matrix of the weight; they share their scales. Null where what is multiplied is transposed.
 */
export function matmulRows({ attrs }: Node, { input, axis }: Weight, shape: readonly number[]): LayerRows | null {
  const left = input === 0
  const rank = shape.length
  if (rank < 2 || (left ? attrs.adj_y : attrs.adj_x) === true) return null
  const batch = shape.slice(0, -2)
  const [first, second] = shape.slice(-2) as [number, number]
  const [outputs, inputs] = axis === rank - 2 ? [first, second] : [second, first]
  const groups = sizeOf(batch)
  const geometry = (x: readonly number[], y: readonly number[]) => geometryOf(left, batch, { x, y, inputs })
  return {
    groups,
    outputs,
    inputs,
    ...(groups > 1 && { sharedScale: true }),
    weightIndex: (group, row, column) =>
      group * first * second + (axis === rank - 2 ? row * inputs + column : column * outputs + row),
    positions: (output) => sizeOf(output) / (groups * outputs),
    gather(x, { input: shapeOfX, output, position }: Place, to, at) {
      const { lines, perGroup, step, lineStep } = geometry(shapeOfX, output)
      const [outer, line] = [Math.floor(position / lines), position % lines]
      const size = inputs * lines
      for (let group = 0, i = at; group < groups; group++) {
        const start = (perGroup ? outer * groups + group : outer) * size + line * lineStep
        for (let k = 0; k < inputs; k++) to[i++] = x[start + k * step]!
      }
    },
    outputIndex(output, group, row, position) {
      const lines = left ? output.at(-1)! : (output.at(-2) ?? 1)
      const [outer, line] = [Math.floor(position / lines), position % lines]
      const start = (outer * groups + group) * outputs * lines
      return start + (left ? row * lines + line : line * outputs + row)
    },
  }
}

interface Shapes {
  readonly x: readonly number[]
  readonly y: readonly number[]
  readonly inputs: number
}

/** Lines (rows, or columns of what stands right) of one matrix of the data, and how its elements lie. */
function geometryOf(left: boolean, batch: readonly number[], { x, y, inputs }: Shapes) {
  const lines = left ? y.at(-1)! : (y.at(-2) ?? 1)
  const perGroup = sizeOf(batch) > 1 && sizeOf(x.slice(0, -2).slice(-batch.length)) === sizeOf(batch)
  return { lines, perGroup, step: left ? lines : 1, lineStep: left ? 1 : inputs }
}

/** Whether the data of a product has as many matrices as the weight for every one of its own, or one for all of them. */
export function batchFits(weight: readonly number[], x: readonly (number | string)[] | undefined): boolean {
  const batch = weight.slice(0, -2)
  if (sizeOf(batch) === 1) return true
  if (!x) return false
  const own = x.slice(0, -2).slice(-batch.length)
  return own.every((n) => n === 1) ? x.length <= weight.length : own.join() === batch.join()
}
