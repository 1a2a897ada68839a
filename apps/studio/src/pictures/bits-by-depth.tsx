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
  const names = shortNames(nodes)
  const most = Math.max(8, ...choices.flatMap(({ bits }) => bits.map((width) => width ?? 0)))
  const starved = choices.map((choice) => new Set(choice.starved))
  const [one, other] = choices
  const changed = nodes.map((_, i) => other !== undefined && one!.bits[i] !== other.bits[i])
  return (
    <Picture
      summary={bitsSummary({ nodes, choices, of })}
      table={() => ({
        columns: [
          { name: of === 'weights' ? 'layer' : 'value' },
          ...choices.map(({ name }) => ({ name, numeric: true })),
        ],
        rows: nodes.map((node, i) => [
          node,
          ...choices.map(({ bits }, c) => `${bitsText(bits[i])}${starved[c]!.has(node) ? ', starved' : ''}`),
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
          {nodes.map((node, i) => {
            const isStarved = starved.some((set) => set.has(node))
            const what = choices.map(({ name, bits }) => `${name} ${bitsText(bits[i])}`).join(', ')
            const text = `${node}: ${what}${isStarved ? ', starved' : ''}`
            const bars = (
              <>
                <span className="pic-bars" aria-hidden="true">
                  {isStarved && <span className="pic-starved-mark">!</span>}
                  {changed[i] && <span className="pic-changed" />}
                  {choices.map(({ name, bits }, c) => (
                    <span
                      key={name}
                      className={`pic-bar${starved[c]!.has(node) ? ' pic-starved' : ''}`}
                      style={{ ...bitsStyle(bits[i] ?? null), height: `${(100 * (bits[i] ?? most)) / most}%` }}
                    >
                      {bits[i] ?? 'f'}
                    </span>
                  ))}
                </span>
                <span className="pic-depth-name" aria-hidden="true">
                  {names[i]}
                </span>
                <span className="visually-hidden">{text}</span>
              </>
            )
            return (
              <li key={node} className={isStarved ? 'pic-starved-column' : undefined} title={text}>
                {onPick ? (
                  <button type="button" aria-pressed={picked === node} onClick={() => onPick(node)}>
                    {bars}
                  </button>
                ) : (
                  <span className="pic-column">{bars}</span>
                )}
              </li>
            )
          })}
        </ol>
      </section>
      <BitsLegend bits={choices.flatMap(({ bits }) => bits)} />
      {choices.map(({ name, bits, starved: ends = [] }) =>
        ends.length === 0 ? null : (
          <p key={name} className="pic-alarm">
            <strong>
              {count(ends.length, 'starved output layer')} under {name}:
            </strong>{' '}
            {list(ends.map((node) => `${node} has ${bitsText(bits[nodes.indexOf(node)])}`))}. So few bits right before
            an output can ruin it.
          </p>
        ),
      )}
    </Picture>
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
