import { memo, useMemo } from 'react'
import { BitsLegend, bitsStyle } from './bits.tsx'
import { bitsText, count, list } from './format.ts'
import { shortNames } from './names.ts'
import { Picture } from './picture.tsx'

/** One choice of bit-widths. */
export interface BitsChoice {
  /** Such as `AVG`. */
  readonly name: string
  /** One per node; null: float. */
  readonly bits: readonly (number | null)[]
  /** Nodes right before an output with so few bits that they are likely to ruin it. */
  readonly starved?: readonly string[]
}

export interface BitsByDepthProps {
  /** Layers or values, in the order of the network. */
  readonly nodes: readonly string[]
  /** One choice, or two side by side. */
  readonly choices: readonly BitsChoice[]
  /** What has the bits. Default `weights`. */
  readonly of?: 'weights' | 'activations'
  readonly picked?: string | null
  readonly onPick?: (node: string) => void
}

/** Bits as bars along the depth of the network. */
export function BitsByDepth({ nodes, choices, of = 'weights', picked, onPick }: BitsByDepthProps) {
  const columns = useMemo(() => columnsOf(nodes, choices), [nodes, choices])
  return (
    <Picture
      summary={bitsSummary({ nodes, choices, of })}
      table={() => ({
        columns: [
          { name: of === 'weights' ? 'layer' : 'value' },
          ...choices.map(({ name }) => ({ name, numeric: true })),
        ],
        rows: columns.map(({ node, bars }) => [
          node,
          ...bars.map(({ bits, starved }) => `${bitsText(bits)}${starved ? ', starved' : ''}`),
        ]),
      })}
    >
      {choices.length > 1 && (
        <p className="pic-note">
          Left bar {choices[0]!.name}, right bar {choices[1]!.name}; a dot marks where they differ.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className="pic-scroll pic-depth" tabIndex={0} aria-label={`Bits of ${of} along the depth`}>
        <ol>
          {columns.map((column) => (
            <DepthColumn key={column.node} column={column} picked={picked === column.node} onPick={onPick} />
          ))}
        </ol>
      </section>
      <BitsLegend bits={choices.flatMap(({ bits }) => bits)} />
      {choices.map((choice) => (
        <StarvedAlarm key={choice.name} nodes={nodes} choice={choice} />
      ))}
    </Picture>
  )
}

interface Bar {
  /** Of the choice. */
  readonly name: string
  readonly bits: number | null
  /** Share of the height, in percent. */
  readonly height: number
  readonly starved: boolean
}

interface Column {
  readonly node: string
  /** Short. */
  readonly name: string
  readonly bars: readonly Bar[]
  readonly changed: boolean
  readonly starved: boolean
}

function columnsOf(nodes: readonly string[], choices: readonly BitsChoice[]): Column[] {
  const names = shortNames(nodes)
  const most = Math.max(8, ...choices.flatMap(({ bits }) => bits.map((width) => width ?? 0)))
  const ends = choices.map(({ starved }) => new Set(starved))
  return nodes.map((node, i) => {
    const bars = choices.map(({ name, bits }, c): Bar => {
      const width = bits[i] ?? null
      return { name, bits: width, height: (100 * (width ?? most)) / most, starved: ends[c]!.has(node) }
    })
    return {
      node,
      name: names[i]!,
      bars,
      changed: bars.some(({ bits }) => bits !== bars[0]!.bits),
      starved: bars.some(({ starved }) => starved),
    }
  })
}

interface DepthColumnProps {
  readonly column: Column
  readonly picked: boolean
  readonly onPick: ((node: string) => void) | undefined
}

/** One node: hundreds of them stay as they are when another is picked. */
const DepthColumn = memo(({ column: { node, name, bars, changed, starved }, picked, onPick }: DepthColumnProps) => {
  const what = bars.map((bar) => `${bar.name} ${bitsText(bar.bits)}`).join(', ')
  const text = `${node}: ${what}${starved ? ', starved' : ''}`
  const inner = (
    <>
      <span className="pic-bars" aria-hidden="true">
        {starved && <span className="pic-starved-mark">!</span>}
        {changed && <span className="pic-changed" />}
        {bars.map((bar) => (
          <span
            key={bar.name}
            className={`pic-bar${bar.starved ? ' pic-starved' : ''}`}
            style={{ ...bitsStyle(bar.bits), height: `${bar.height}%` }}
          >
            {bar.bits ?? 'f'}
          </span>
        ))}
      </span>
      <span className="pic-depth-name" aria-hidden="true">
        {name}
      </span>
      <span className="visually-hidden">{text}</span>
    </>
  )
  return (
    <li className={starved ? 'pic-starved-column' : undefined} title={text}>
      {onPick ? (
        <button type="button" aria-pressed={picked} onClick={() => onPick(node)}>
          {inner}
        </button>
      ) : (
        <span className="pic-column">{inner}</span>
      )}
    </li>
  )
})

/** Two bits or less are few: of the weights, or else of the activation beside them. */
const starvedText = (node: string, bits: number | null): string =>
  bits !== null && bits <= 2 ? `${node} has ${bitsText(bits)}` : `${node} has an activation of 2 bits or less`

function StarvedAlarm({ nodes, choice }: { readonly nodes: readonly string[]; readonly choice: BitsChoice }) {
  const { name, bits, starved = [] } = choice
  if (starved.length === 0) return null
  return (
    <p className="pic-alarm">
      <strong>
        {count(starved.length, 'starved output layer')} under {name}:
      </strong>{' '}
      {list(starved.map((node) => starvedText(node, bits[nodes.indexOf(node)] ?? null)))}. So few bits right before an
      output can ruin it.
    </p>
  )
}

/** How many have how many bits, and what is starved. */
export function bitsSummary({ nodes, choices, of = 'weights' }: BitsByDepthProps): string {
  const sentences = choices.map(({ name, bits, starved = [] }) => {
    const tally = new Map<number | null, number>()
    for (const width of bits) tally.set(width, (tally.get(width) ?? 0) + 1)
    const parts = [...tally]
      .sort(([a], [b]) => (b ?? 99) - (a ?? 99))
      .map(([width, n]) => `${n} with ${bitsText(width)}`)
    const end = starved.length > 0 ? `, starved before an output: ${list(starved)}` : ''
    return `${name}: ${list(parts)}${end}.`
  })
  const [a, b] = choices
  const differing = b ? nodes.filter((_, i) => a!.bits[i] !== b.bits[i]).length : 0
  const what = of === 'weights' ? 'layer' : 'activation'
  return [
    `Bits of ${count(nodes.length, what)} in the order of the network.`,
    ...sentences,
    ...(b ? [`They differ at ${differing}.`] : []),
  ].join(' ')
}
