import type { RunRecord } from '@mixbit/core'
import { useCallback, useState } from 'react'
import type { LayoutNetwork } from '../layout/layout-network.ts'
import { count } from '../pictures/format.ts'
import { Warnings } from '../pictures/warnings.tsx'
import { verdict, weakestLayer } from './from-record.ts'
import { useSections } from './sections.tsx'

export interface ReportProps {
  readonly record: RunRecord
  /** Default: in this thread. */
  readonly layout?: LayoutNetwork
}

/** One run on a page: the verdict, what to heed, then every picture that the run has data for. */
export function Report({ record, layout }: ReportProps) {
  const [picked, setPicked] = useState(() => weakestLayer(record))
  const pick = useCallback((node: string) => setPicked(node), [])
  const sections = useSections(record, { picked, pick, layout })
  return (
    <div className="report">
      <header className="report-head">
        <p className="report-kind">Mixbit report</p>
        <h1>{record.model}</h1>
        <p className="report-verdict">{verdict(record)}</p>
        <p className="pic-soft">
          Target platform {record.targetPlatform} ·{' '}
          {record.mixedPrecision ? `mixed precision by ${record.distanceWeightingMethod}` : 'no mixed precision'} ·{' '}
          {count(record.layers.length, 'quantized layer')}
        </p>
      </header>
      <Warnings warnings={record.warnings} outputLayers={record.outputLayers} />
      <nav className="report-contents" aria-label="Contents">
        <ol>
          {sections.map(({ id, title }) => (
            <li key={id}>
              <a href={`#${id}`}>{title}</a>
            </li>
          ))}
        </ol>
      </nav>
      <main>
        {sections.map(({ id, title, lead, body }) => (
          <section key={id} id={id} aria-labelledby={`${id}-title`} className="report-section">
            <h2 id={`${id}-title`}>{title}</h2>
            <p className="report-lead">{lead}</p>
            {body}
          </section>
        ))}
      </main>
    </div>
  )
}
