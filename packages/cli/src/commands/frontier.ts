import type { FrontierPoint } from '@mixbit/core'
import type { Command } from 'commander'
import * as format from '../format.ts'
import type { Run } from '../run.ts'
import { right, table } from '../table.ts'
import { measure } from './sensitivity.ts'

/** Prints what every budget buys. */
export async function frontierCommand(run: Run, command: Command, model: string): Promise<void> {
  const { analysis, options } = await measure(run, command, model)
  const { frontier, floatWeightsMemory, layers } = analysis
  const text = () => `${frontierTable(frontier, floatWeightsMemory)}\n${curve(frontier)}`
  run.io.stdout(
    options.json ? format.json({ layers: layers.map(({ node }) => node), floatWeightsMemory, frontier }) : text(),
  )
}

const most = 24

/** The points as a table; of a long curve, evenly spread ones with both ends. */
export function frontierTable(points: readonly FrontierPoint[], floatBytes: number): string {
  const step = Math.max(1, (points.length - 1) / (most - 1))
  const shown = Array.from({ length: Math.min(most, points.length) }, (_, i) => points[Math.round(i * step)]!)
  const rows = shown.map(({ weightsMemory, sensitivity, bits }) => [
    format.bytes(weightsMemory),
    format.percent(weightsMemory / floatBytes),
    format.number(sensitivity),
    histogram(bits),
  ])
  return table([right('weights'), right('of float'), right('sensitivity'), 'layers at bits'], rows)
}

/** `8:12 4:3`: layers by bit-width. */
function histogram(bits: readonly number[]): string {
  const counts = new Map<number, number>()
  for (const width of bits) counts.set(width, (counts.get(width) ?? 0) + 1)
  return [...counts]
    .sort(([a], [b]) => b - a)
    .map(([width, count]) => `${width}:${count}`)
    .join(' ')
}

/** A drawing of sensitivity (up, logarithmic) over bytes (right). */
export function curve(points: readonly FrontierPoint[], columns = 60, lines = 12): string {
  if (points.length === 0) return ''
  const positive = points.map(({ sensitivity }) => sensitivity).filter((x) => x > 0)
  const floor = positive.length ? Math.min(...positive) : 1
  const heights = points.map(({ sensitivity }) => Math.log10(Math.max(floor, sensitivity)))
  const place = (values: readonly number[], cells: number) => {
    const [low, high] = [Math.min(...values), Math.max(...values)]
    return values.map((x) => (high === low ? 0 : Math.round(((x - low) / (high - low)) * (cells - 1))))
  }
  const grid = Array.from({ length: lines }, () => new Array<string>(columns).fill(' '))
  const xs = place(
    points.map(({ weightsMemory }) => weightsMemory),
    columns,
  )
  for (const [i, y] of place(heights, lines).entries()) grid[lines - 1 - y]![xs[i]!] = '●'
  const label = (x: number) => format.number(x).padStart(9)
  const rows = grid.map((row, i) => {
    const left =
      i === 0 ? label(10 ** Math.max(...heights)) : i === lines - 1 ? label(10 ** Math.min(...heights)) : ' '.repeat(9)
    return `${left} │${row.join('').trimEnd()}`
  })
  const sizes = points.map(({ weightsMemory }) => weightsMemory)
  const [least, largest] = [format.bytes(Math.min(...sizes)), format.bytes(Math.max(...sizes))]
  return `${rows.join('\n')}\n${' '.repeat(10)}└${'─'.repeat(columns)}\n${' '.repeat(11)}${least}${largest.padStart(columns - least.length)}\n`
}
