import { BitsChip } from './bits.tsx'
import { bytes, decibel, list, number, percent } from './format.ts'
import { DataTable } from './table.tsx'

export interface WeightingTableProps {
  readonly weightings: readonly {
    readonly method: string
    readonly weightsMemory: number
    readonly outputLoss: number
    /** false: measured before the repair through the model. */
    readonly asWritten: boolean
    readonly outputLayers: readonly {
      readonly node: string
      readonly output: string
      readonly bits: number
      readonly activationBits: number | null
      readonly starved: boolean
    }[]
    readonly outputs: readonly {
      readonly output: string
      readonly sqnr: number
      readonly top1Agreement: number | null
    }[]
  }[]
  /** The one that decided. */
  readonly chosen: string
  /** Adds a button to each of the others. */
  readonly onTake?: (method: string) => void
}

/** What every distance weighting would choose under the same budget, with measured outputs. */
export function WeightingTable({ weightings, chosen, onTake }: WeightingTableProps) {
  const best = weightings.reduce<number>(
    (least, { outputLoss }) => Math.min(least, outputLoss),
    Number.POSITIVE_INFINITY,
  )
  return (
    <figure className="pic">
      <DataTable
        label="Weightings side by side"
        columns={[
          { name: 'weighting' },
          { name: 'output loss', numeric: true },
          { name: 'SQNR', numeric: true },
          { name: 'top-1 agreement', numeric: true },
          { name: 'weights', numeric: true },
          { name: 'last layers' },
          ...(onTake ? [{ name: 'take it' }] : []),
        ]}
        rows={weightings.map(({ method, outputLoss, outputs, weightsMemory, outputLayers }) => [
          <span key="method" className={method === chosen ? 'pic-own' : undefined}>
            {method}
            {method === chosen && <strong> ← used</strong>}
          </span>,
          <span key="loss">
            {number(outputLoss)}
            {outputLoss === best && <strong className="pic-good"> best</strong>}
          </span>,
          decibel(worst(outputs.map(({ sqnr }) => sqnr))),
          percent(worst(outputs.flatMap(({ top1Agreement }) => top1Agreement ?? []))),
          bytes(weightsMemory),
          <span key="ends">
            {outputLayers.map(({ node, output, bits, activationBits, starved }) => (
              <span key={`${node} ${output}`} className="pic-end">
                {starved && <span className="pic-starved-mark">! starved </span>}
                {node} <Letter>w</Letter>
                <BitsChip bits={bits} what="weights" />
                {activationBits !== null && (
                  <>
                    {' '}
                    <Letter>a</Letter>
                    <BitsChip bits={activationBits} what="activations" />
                  </>
                )}{' '}
              </span>
            ))}
          </span>,
          ...(onTake
            ? [
                method === chosen ? (
                  'in use'
                ) : (
                  <button key="take" type="button" onClick={() => onTake(method)}>
                    Use {method}
                  </button>
                ),
              ]
            : []),
        ])}
      />
      <figcaption>{weightingSummary({ weightings, chosen })}</figcaption>
    </figure>
  )
}

/** Tells weights (w) from activations (a) for the eye; the chip says it in words. */
const Letter = ({ children }: { readonly children: string }) => (
  <span className="pic-soft" aria-hidden="true">
    {children}
  </span>
)

const worst = (values: readonly number[]): number | null => (values.length === 0 ? null : Math.min(...values))

/** Which weighting does best, and which starve an output layer. */
export function weightingSummary({ weightings, chosen }: WeightingTableProps): string {
  if (weightings.length === 0) return 'Only one weighting was looked at.'
  const best = weightings.reduce((a, b) => (b.outputLoss < a.outputLoss ? b : a))
  const used = weightings.find(({ method }) => method === chosen)
  const first =
    !used || best.outputLoss >= used.outputLoss
      ? `${chosen} has the least measured output loss.`
      : `${best.method} has the least measured output loss (${number(best.outputLoss)}; ${chosen}: ${number(used.outputLoss)}).`
  const starving = weightings
    .filter(({ outputLayers }) => outputLayers.some(({ starved }) => starved))
    .map(({ method }) => method)
  const starved = `${list(starving)} ${starving.length === 1 ? 'starves' : 'starve'} a layer right before an output.`
  return [
    first,
    ...(starving.length === 0 ? [] : [starved]),
    ...(weightings.every(({ asWritten }) => asWritten)
      ? []
      : ['Measured before the repair through the model, which the written file has.']),
  ].join(' ')
}
