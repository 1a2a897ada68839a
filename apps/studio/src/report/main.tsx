import '../theme.css'
import '../pictures/pictures.css'
import './report.css'
import type { RunRecord } from '@mixbit/core'
import { Component, type ReactNode, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { reportLayout } from '../layout/report-layout.ts'
import { Report } from './report.tsx'

/** A record that was changed by hand must not leave a blank page. */
class Guard extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state = { error: null }
  static getDerivedStateFromError(error: Error) {
    return { error }
  }
  override render() {
    const { error } = this.state as { error: Error | null }
    return error ? <Trouble text={`This report cannot be shown: ${error.message}.`} /> : this.props.children
  }
}

const Trouble = ({ text }: { readonly text: string }) => (
  <main className="report-trouble">
    <h1>Mixbit report</h1>
    <p>{text}</p>
    <p className="pic-soft">
      Make it anew from the run: <code>mixbit report run.json -o report.html</code>.
    </p>
  </main>
)

const text = document.getElementById('run')?.textContent?.trim() ?? ''
const record = text === '' ? null : (JSON.parse(text) as RunRecord)
if (record) document.title = `${record.model} · Mixbit report`
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Guard>
      {record ? (
        <Report record={record} layout={reportLayout} />
      ) : (
        <Trouble text="This is the template of reports: no run is in it." />
      )}
    </Guard>
  </StrictMode>,
)
