import type { Entry } from './events.ts'
import type { Picture } from './png.ts'

/** One bar. */
export interface BitWidth {
  readonly name: string
  /** 1 to 16. */
  readonly bits: number
}

/** Bar charts of bits along the depth of a network, and the same as a table. */
export const bitWidthFigure = (tag: string, bars: readonly BitWidth[]): Entry[] => [
  { tag, picture: bitWidthChart(bars) },
  { tag: `${tag}, as a table`, markdown: bitWidthTable(bars) },
]

function bitWidthTable(bars: readonly BitWidth[]): string {
  const rows = bars.map(({ name, bits }, i) => `| ${i + 1} | ${name.replaceAll('|', '\\|')} | ${bits} |`)
  return ['| | layer | bits |', '| --: | :-- | --: |', ...rows].join('\n')
}

type Colour = readonly [number, number, number]

/** From few bits to many: a warning red, orange, yellow, green, blue, violet. */
const stops: readonly Colour[] = [
  [165, 0, 38],
  [230, 97, 0],
  [240, 200, 40],
  [64, 160, 90],
  [40, 110, 190],
  [90, 60, 150],
]

/** The colour of a bit-width: every width has its own, and neighbours are alike. Steps shrink as widths double. */
export function colourOf(bits: number): Colour {
  const at = (Math.log2(Math.min(16, Math.max(1, bits))) / 4) * (stops.length - 1)
  const low = Math.min(stops.length - 2, Math.floor(at))
  const [from, to] = [stops[low]!, stops[low + 1]!]
  return [0, 1, 2].map((c) => Math.round(from[c]! + (to[c]! - from[c]!) * (at - low))) as unknown as Colour
}

const white = 17
const grey = 18
const black = 19
const palette: readonly Colour[] = [
  ...Array.from({ length: 17 }, (_, bits) => colourOf(bits)),
  [255, 255, 255],
  [214, 214, 214],
  [40, 40, 40],
]

/** Three by five dots for each digit, a row as three bits. */
const digits = ['75557', '26227', '71747', '71717', '55711', '74717', '74757', '71111', '75757', '75717']

/** Bars in the order of the network, as high as their bits and coloured by them; numbers count from 1. */
export function bitWidthChart(bars: readonly BitWidth[]): Picture {
  const widest = Math.max(8, ...bars.map(({ bits }) => bits))
  const [left, top, unit] = [24, 8, widest > 8 ? 16 : 26]
  // Thousands of activations still make a picture that a browser opens.
  const bar = Math.max(3, Math.min(16, Math.floor(4000 / bars.length)))
  const gap = bar < 8 ? 1 : 4
  const labelled = 5 * Math.ceil(8 / bar)
  const width = left + Math.max(10, bars.length) * bar + 8
  const floor = top + widest * unit
  const height = floor + 20
  const pixels = new Uint8Array(width * height).fill(white)
  const fill = (x: number, y: number, w: number, h: number, colour: number) => {
    for (let row = y; row < y + h; row++) pixels.fill(colour, row * width + x, row * width + x + w)
  }
  const write = (text: string, x: number, y: number) => {
    for (const [i, digit] of [...text].entries())
      for (const [row, dots] of [...digits[Number(digit)]!].entries())
        for (let dot = 0; dot < 3; dot++)
          if (Number(dots) & (4 >> dot)) fill(x + 8 * i + 2 * dot, y + 2 * row, 2, 2, black)
  }
  for (let bits = 1; bits <= widest; bits++) {
    const y = floor - bits * unit
    fill(left, y, width - left, 1, grey)
    write(String(bits), left - 4 - 8 * String(bits).length, y - 4)
  }
  for (const [i, { bits }] of bars.entries()) {
    fill(left + i * bar + (gap >> 1), floor - bits * unit, bar - gap, bits * unit, bits)
    // Not every number, so that all digits have room.
    if (i === 0 || (i + 1) % labelled === 0) write(String(i + 1), left + i * bar + 2, floor + 6)
  }
  fill(left, floor, width - left, 2, black)
  return { width, height, pixels, palette }
}
