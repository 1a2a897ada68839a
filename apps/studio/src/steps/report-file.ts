import { type RunRecord, reportPage } from '@mixbit/core'

/** The report as one HTML file: the template that lies beside the app, with the record in it. */
export async function reportFile(record: RunRecord): Promise<string> {
  const response = await fetch(new URL('report.html', document.baseURI))
  if (!response.ok) throw new Error(`The template of the report is not there: ${response.status}.`)
  return reportPage(await response.text(), record)
}
