import { useState } from 'react'
import { Button } from '../controls/button.tsx'
import { Card } from '../controls/card.tsx'
import { CodeBlock } from '../controls/code-block.tsx'
import { Icon } from '../controls/icon.tsx'
import { ProblemCard } from '../controls/problem-card.tsx'
import { save } from '../inputs/save.ts'
import { bytes } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import type { Result } from '../worker/protocol.ts'
import { reportFile } from './report-file.ts'
import { commandLine, script } from './reproduce.ts'

/** The model, the record, the report, and how to make them again. */
export function Downloads({ result }: { result: Result }) {
  const { model, settings, budgets } = useStudio()
  const { exportData } = useActions()
  const [problem, setProblem] = useState('')
  const { file, record, weighting } = result
  const run = { model: model!, settings, budgets, weighting }
  const report = () =>
    reportFile(record).then(
      (page) => save('report.html', page, 'text/html'),
      (error: Error) => setProblem(error.message),
    )
  const calibration = async () => {
    const data = await exportData('calibration')
    if (data) save('calibration.npz', data)
  }
  return (
    <Card title="Download" lead={`${file.name}, ${bytes(file.bytes.length)}.`}>
      {problem && (
        <ProblemCard problem={{ code: 'UNEXPECTED', message: problem, hint: 'Reload the page and run it again.' }} />
      )}
      <div className="row">
        <Button kind="primary" onClick={() => save(file.name, file.bytes)}>
          <Icon name="download" />
          Download the model
        </Button>
        <Button onClick={() => save('run.json', JSON.stringify(record, finite, 2), 'application/json')}>
          run.json
        </Button>
        <Button onClick={report}>Report (HTML)</Button>
      </div>
      <details className="reproduce">
        <summary>Make it again from a terminal</summary>
        <div className="stack">
          <p className="soft">
            The same bytes, from Node: browsers decode pictures each in their own way, so take the calibration data as
            the network got it.
          </p>
          <div className="row">
            <Button onClick={calibration}>
              <Icon name="download" />
              calibration.npz
            </Button>
            <Button onClick={() => save('quantize.mjs', script(run), 'text/javascript')}>
              <Icon name="download" />
              quantize.mjs
            </Button>
          </div>
          <CodeBlock label="Command line" code={commandLine(run)} />
          <CodeBlock label="Script for Node" code={script(run)} />
        </div>
      </details>
    </Card>
  )
}

/** JSON has no infinities: they are kept as text, as the command line does. */
const finite = (_: string, value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
