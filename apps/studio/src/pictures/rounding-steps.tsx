import { number } from './format.ts'
import { Picture } from './picture.tsx'

export interface RoundingStepsProps {
  readonly steps: readonly { readonly step: string; readonly outputLoss: number }[]
}

const names: Readonly<Record<string, string>> = {
  nearest: 'rounded to the nearest',
  biasCorrection: '+ biases corrected',
  compensatedInLayers: '+ errors compensate within layers',
  repairedThroughModel: '+ repaired through the model',
  allChannelsInView: '+ all channels in view',
}
const nameOf = (step: string) => names[step] ?? step

/** What each ingredient of the rounding bought, at the same bits: the measured loss at the outputs, on a logarithmic axis. */
export function RoundingSteps({ steps }: RoundingStepsProps) {
  const losses = steps.map(({ outputLoss }) => outputLoss).filter((loss) => loss > 0)
  const [least, most] = [Math.log10(Math.min(...losses)), Math.log10(Math.max(...losses))]
  // The shortest bar keeps a sixth of the width, so that it can be seen.
  const width = (loss: number) => (loss > 0 ? 16 + (84 * (Math.log10(loss) - least)) / (most - least || 1) : 2)
  return (
    <Picture summary={roundingSummary({ steps })}>
      <ol className="pic-steps">
        {steps.map(({ step, outputLoss }, i) => {
          const gain = i > 0 && outputLoss > 0 ? steps[i - 1]!.outputLoss / outputLoss : null
          return (
            <li key={step}>
              <span>{nameOf(step)}</span>
              <span className="pic-step-bar" aria-hidden="true">
                <span style={{ width: `${width(outputLoss)}%` }} />
              </span>
              <span className="pic-step-number">
                {number(outputLoss)}
                {gain !== null && (
                  <span className={gain >= 1 ? 'pic-good' : 'pic-bad'}>
                    {' '}
                    {gain >= 1 ? `÷ ${number(gain)}` : `× ${number(1 / gain)}`}
                  </span>
                )}
              </span>
            </li>
          )
        })}
      </ol>
    </Picture>
  )
}

/** From the first to the last loss. */
export function roundingSummary({ steps }: RoundingStepsProps): string {
  const [first, last] = [steps[0], steps.at(-1)]
  if (!first || !last) return 'Weights are rounded to the nearest.'
  const factor = last.outputLoss > 0 ? `, ${number(first.outputLoss / last.outputLoss)} times less` : ''
  return `Model output loss at the same bits, log scale: ${number(first.outputLoss)} ${nameOf(first.step)}, ${number(last.outputLoss)} in the end${factor}.`
}
