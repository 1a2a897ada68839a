import type { RunRecord } from '@mixbit/core'

/** JSON that can stand inside a script element: no `<`, so that no name in it can end the element. */
const inert = (record: RunRecord) => JSON.stringify(record).replaceAll('<', '\\u003c')

/** The report as one HTML file: the template that lies beside the app, with the record in it. */
export async function reportFile(record: RunRecord): Promise<string> {
  const response = await fetch(new URL('report.html', document.baseURI))
  if (!response.ok) throw new Error(`The template of the report is not there: ${response.status}.`)
  const template = await response.text()
  const place = '<script id="run" type="application/json">'
  const at = template.indexOf(place) + place.length
  return template.slice(0, at) + inert(record) + template.slice(at)
}
