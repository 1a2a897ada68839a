import { useState } from 'react'
import { BitsChip } from './bits.tsx'
import { bitsText, bytes, count, number, percent } from './format.ts'
import { Histogram, type HistogramProps, histogramSummary } from './histogram.tsx'
import { schemeText } from './schemes.ts'
import { DataTable } from './table.tsx'

/** A layer as the panel shows it: those of a report, with the histogram and grids of the run record. */
export interface PanelLayer {
  readonly kind: string
  /** Of its weights. */
  readonly shape: readonly number[]
  readonly bits: number
  readonly bytes: number
  readonly floatBytes: number
  readonly candidates: readonly {
    readonly bits: number
    readonly bytes: number
    readonly fileBytes: number
    readonly sensitivity: number | null
  }[]
  readonly reason: string
  readonly histogram?: HistogramProps['histogram'] | undefined
  readonly grids?: readonly NonNullable<HistogramProps['grid']>[] | undefined
}

export interface NodePanelProps {
  readonly node: {
    readonly id: string
    readonly op: string
    readonly kind: string
    readonly shape: readonly (number | string)[] | null
    readonly macs: number | null
    readonly inputs: readonly string[]
  }
  /** null: no quantized weights. */
  readonly layer: PanelLayer | null
  /** The quantizer behind the node; null: its output stays float. */
  readonly activation?: {
    readonly bits: number
    readonly candidates: readonly { readonly bits: number; readonly sensitivity: number | null }[]
  } | null
  /** The outputs that it starves. */
  readonly starves?: readonly string[]
}

/** Everything about one node: its weights and their grid, what it could have had, what it got and why. */
export function NodePanel({ node, layer, activation = null, starves = [] }: NodePanelProps) {
  return (
    <section className="pic-panel" aria-label={`Node ${node.id}`}>
      <h3 className="pic-panel-name">{node.id}</h3>
      <p className="pic-panel-facts">
        {node.op} <span className="pic-soft">({node.kind})</span>
        {node.shape && <> · output {node.shape.join(' × ')}</>}
        {node.macs !== null && <> · {number(node.macs)} MACs</>}
      </p>
      {starves.length > 0 && (
        <p className="pic-alarm">
          <strong>Starved:</strong> so few bits right before {starves.join(', ')} can ruin that output.
        </p>
      )}
      {layer ? <LayerPart key={node.id} layer={layer} /> : <p>No quantized weights.</p>}
      {activation && (
        <>
          <p>
            Its output is quantized to <BitsChip bits={activation.bits} /> {activation.bits === 1 ? 'bit' : 'bits'}.
          </p>
          {activation.candidates.some(({ sensitivity }) => sensitivity !== null) && (
            <DataTable
              label="Candidates of the output"
              columns={[{ name: 'output' }, { name: 'sensitivity', numeric: true }]}
              rows={activation.candidates.map(({ bits, sensitivity }) => [
                chosenText(bits, bits === activation.bits),
                number(sensitivity),
              ])}
            />
          )}
        </>
      )}
      <p className="pic-soft">Reads {node.inputs.length > 0 ? node.inputs.join(', ') : 'the input of the model'}.</p>
    </section>
  )
}

const chosenText = (bits: number, chosen: boolean) => (
  <span className={chosen ? 'pic-own' : undefined}>
    <BitsChip bits={bits} /> {bits === 1 ? 'bit' : 'bits'}
    {chosen && <strong> ← chosen</strong>}
  </span>
)

function LayerPart({ layer }: { readonly layer: PanelLayer }) {
  const { kind, shape, bits, candidates, histogram, grids, reason } = layer
  const [shown, setShown] = useState<number | null>(null)
  const grid = grids?.find((one) => one.bits === (shown ?? bits)) ?? null
  const elements = shape.reduce((product, n) => product * n, 1)
  return (
    <>
      <p>
        <BitsChip bits={bits} /> {bits === 1 ? 'bit' : 'bits'} for {count(elements, 'weight')} ({shape.join(' × ')},{' '}
        {kind}): {bytes(layer.bytes)} of {bytes(layer.floatBytes)} in float, {percent(layer.bytes / layer.floatBytes)}.
      </p>
      <p className="pic-reason">
        <strong>Why:</strong> {reason}.
      </p>
      {histogram && (
        <figure className="pic">
          <Histogram histogram={histogram} grid={grid} />
          <figcaption>{histogramSummary({ histogram, grid })}</figcaption>
          {grids && grids.length > 1 && (
            <fieldset className="pic-choices">
              <legend className="visually-hidden">Grid that is drawn</legend>
              {grids.map((one) => (
                <button
                  key={one.bits}
                  type="button"
                  aria-pressed={one.bits === (shown ?? bits)}
                  onClick={() => setShown(one.bits)}
                >
                  {bitsText(one.bits)}
                </button>
              ))}
            </fieldset>
          )}
        </figure>
      )}
      <DataTable
        label="Candidates"
        columns={[
          { name: 'candidate' },
          { name: 'weights', numeric: true },
          { name: 'in the file', numeric: true },
          { name: 'sensitivity', numeric: true },
          ...(grids ? [{ name: 'threshold', numeric: true }, { name: 'grid' }] : []),
        ]}
        rows={candidates.map((candidate, c) => [
          chosenText(candidate.bits, candidate.bits === bits),
          bytes(candidate.bytes),
          bytes(candidate.fileBytes),
          number(candidate.sensitivity),
          ...(grids ? [number(grids[c]?.threshold), schemeText(grids[c]?.scheme)] : []),
        ])}
      />
    </>
  )
}
