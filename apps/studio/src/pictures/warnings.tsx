import { bitsText, count } from './format.ts'

export interface WarningsProps {
  /** Sentences of the report. */
  readonly warnings: readonly string[]
  /** Layers right before an output; the starved ones among them are an alarm. */
  readonly outputLayers?: readonly {
    readonly node: string
    readonly output: string
    readonly bits: number
    readonly activationBits: number | null
    readonly starved: boolean
  }[]
}

/** What the user should know before anything else: starved output layers as an alarm, then the rest. */
export function Warnings({ warnings, outputLayers = [] }: WarningsProps) {
  const starved = outputLayers.filter((end) => end.starved)
  // The report says of a starved layer who did it and who would not: that is the text of its alarm.
  const about = starved.map((end) => ({
    ...end,
    text: warnings.find((warning) => warning.startsWith(`${end.node}, the last layer before output ${end.output},`)),
  }))
  const others = warnings.filter((warning) => !about.some(({ text }) => text === warning))
  return (
    <>
      {about.length > 0 && (
        <section className="pic-alarm" aria-label={count(about.length, 'starved output layer')}>
          <strong>{count(about.length, 'starved output layer')}</strong>
          <ul>
            {about.map(({ node, output, bits, activationBits, text }) => (
              <li key={`${node} ${output}`}>
                {text ??
                  `${node}, the last layer before output ${output}, has ${bitsText(bits)}${activationBits === null ? '' : ` and activations of ${bitsText(activationBits)}`}, which can ruin that output.`}
              </li>
            ))}
          </ul>
        </section>
      )}
      {others.length > 0 && (
        <section className="pic-heed" aria-label={count(others.length, 'warning')}>
          <strong>{count(others.length, 'warning')}</strong>
          <ul>
            {others.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}
