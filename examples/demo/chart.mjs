// Charts as SVG text for the documentation: readable in light and dark pages, the same bytes for the same numbers.

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .faint { fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .heat { fill: #0969da }
  .on { fill: #ffffff }
  .c0 { --c: #cf222e } .c1 { --c: #0969da } .c2 { --c: #1a7f37 } .c3 { --c: #8250df } .c4 { --c: #bf8700 }
  .line { fill: none; stroke: var(--c); stroke-width: 1.5 }
  .dot { fill: var(--c) }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .faint { fill: #9198a1 }
    .grid { stroke: #3d444d }
    .heat { fill: #4493f8 }
    .c0 { --c: #ff7b72 } .c1 { --c: #58a6ff } .c2 { --c: #3fb950 } .c3 { --c: #bc8cff } .c4 { --c: #e3b341 }
  }`

const round = (x) => Number(x.toFixed(1))
const text = (x, y, content, { anchor = 'start', kind = '' } = {}) =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${kind && ` class="${kind}"`}>${content}</text>`

const picture = (width, height, title, parts) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${title}</title>
<style>${style}
</style>
${parts.flat(Infinity).join('\n')}
</svg>
`

/**
 * Cells in rows and columns, the darker the larger: `cells[row][column]` has `text` and `shade` (0 to 1). `gaps` are the
 * columns before which there is some space.
 */
export function heatMap({ title, rows, columns, cells, gaps = [], rowTitle = '', columnTitle = '' }) {
  const [left, top, width, height, gap] = [110, 52, 62, 30, 14]
  const x = (c) => left + c * width + gaps.filter((at) => at <= c).length * gap
  const y = (r) => top + r * height
  return picture(x(columns.length - 1) + width + 10, y(rows.length) + 10, title, [
    text(left - 10, 18, rowTitle, { anchor: 'end', kind: 'faint' }),
    text(left, 18, columnTitle, { kind: 'faint' }),
    columns.map((name, c) => text(x(c) + width / 2, top - 10, name, { anchor: 'middle' })),
    rows.map((name, r) => [
      text(left - 10, y(r) + height / 2 + 4.5, name, { anchor: 'end' }),
      cells[r].map((cell, c) => [
        `<rect class="heat" x="${round(x(c) + 1)}" y="${round(y(r) + 1)}" width="${width - 2}" height="${height - 2}" rx="3" fill-opacity="${cell.shade.toFixed(2)}"/>`,
        text(x(c) + width / 2, y(r) + height / 2 + 4.5, cell.text, {
          anchor: 'middle',
          kind: cell.shade > 0.8 ? 'on' : cell.shade === 0 ? 'faint' : '',
        }),
      ]),
    ]),
  ])
}

/** One line per series over named places, on a logarithmic axis of whole decades with labels by `label(exponent)`. */
export function lines({ title, places, series, label, valueTitle }) {
  const [left, top, step, height] = [72, 66, 78, 240]
  const logs = series.flatMap(({ values }) => values.map(Math.log10))
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))]
  const x = (i) => left + 20 + i * step
  const y = (value) => top + (height * (high - Math.log10(value))) / (high - low)
  const right = x(places.length - 1) + 20
  return picture(right + 14, top + height + 34, title, [
    text(10, 18, valueTitle, { kind: 'faint' }),
    series.map(({ name }, s) => [
      `<circle class="dot c${s}" cx="${left + 26 + s * 118}" cy="38" r="4.5"/>`,
      text(left + 36 + s * 118, 42.5, name),
    ]),
    Array.from({ length: high - low + 1 }, (_, i) => [
      `<line class="grid" x1="${left}" x2="${right}" y1="${round(y(10 ** (low + i)))}" y2="${round(y(10 ** (low + i)))}"/>`,
      text(left - 8, y(10 ** (low + i)) + 4.5, label(low + i), { anchor: 'end', kind: 'faint' }),
    ]),
    series.map(({ values }, s) => [
      `<polyline class="line c${s}" points="${values.map((value, i) => `${round(x(i))},${round(y(value))}`).join(' ')}"/>`,
      values.map((value, i) => `<circle class="dot c${s}" cx="${round(x(i))}" cy="${round(y(value))}" r="3.5"/>`),
    ]),
    places.map((name, i) => text(x(i), top + height + 22, name, { anchor: 'middle' })),
  ])
}
