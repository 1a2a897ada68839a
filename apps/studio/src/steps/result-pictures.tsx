import '../report/report.css'
import type { RunRecord } from '@mixbit/core'
import { useCallback, useState } from 'react'
import { Card } from '../controls/card.tsx'
import { OneByOne } from '../controls/one-by-one.tsx'
import { appLayout } from '../layout/app-layout.ts'
import { Warnings } from '../pictures/warnings.tsx'
import { weakestLayer } from '../report/from-record.ts'
import { useSections } from '../report/sections.tsx'
import { LayerTable } from './layer-table.tsx'

/** The pictures of the report, each in its place on the page, and the reasons as a table. */
export function ResultPictures({ record }: { record: RunRecord }) {
  const [picked, setPicked] = useState(() => weakestLayer(record))
  const pick = useCallback((node: string) => setPicked(node), [])
  const sections = useSections(record, { picked, pick, layout: appLayout })
  return (
    <OneByOne>
      <Warnings warnings={record.warnings} outputLayers={record.outputLayers} />
      {sections.map(({ id, title, lead, body }) => (
        <Card key={id} title={title} lead={lead}>
          {body}
        </Card>
      ))}
      <LayerTable record={record} />
    </OneByOne>
  )
}
