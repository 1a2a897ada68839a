import type { CSSProperties } from 'react'
import { bitsText } from './format.ts'

/** The widths that have a colour of their own; others take that of the next wider one. */
const widths = [1, 2, 3, 4, 5, 6, 7, 8, 16]

const token = (bits: number | null): string =>
  bits === null || bits > 16 ? 'float' : String(widths.find((width) => width >= bits) ?? 16)

/** The colours of a bit-width as CSS; null is float. */
export const bitsStyle = (bits: number | null): CSSProperties => ({
  background: bitsColor(bits),
  color: `var(--on-bits-${token(bits)})`,
})

export const bitsColor = (bits: number | null): string => `var(--bits-${token(bits)})`

/** A bit-width as a chip: never the colour alone. `what` is put before it for screen readers. */
export function BitsChip({ bits, what = '' }: { readonly bits: number | null; readonly what?: string }) {
  return (
    <span className="pic-chip" style={bitsStyle(bits)} title={`${what} ${bitsText(bits)}`.trim()}>
      <span className="visually-hidden">{what} </span>
      {bits === null ? 'float' : bits}
      <span className="visually-hidden">{bits === null ? '' : bits === 1 ? ' bit' : ' bits'}</span>
    </span>
  )
}

/** Which colour is which width. */
export function BitsLegend({ bits }: { readonly bits: readonly (number | null)[] }) {
  const shown = [...new Set(bits)].sort((a, b) => (a ?? 99) - (b ?? 99))
  return (
    <ul className="pic-legend" aria-label="Colours of bit-widths">
      {shown.map((width) => (
        <li key={String(width)}>
          <span className="pic-swatch" style={bitsStyle(width)} aria-hidden="true" />
          {bitsText(width)}
        </li>
      ))}
    </ul>
  )
}
