import { MixbitError } from '@mixbit/graph'
import type { RunRecord } from './run-record.ts'

/** Where the template waits for the run. */
const slot = '<script id="run" type="application/json"></script>'

/**
 * The report of a run as one HTML page that loads nothing: the template (`report.html` of @mixbit/studio) with the run in it.
 * Numbers are kept in five digits, and the points of the frontier without their bits, which no picture shows.
 * @throws MixbitError `REPORT_TEMPLATE` for a text that is not the template.
 */
export function reportPage(template: string, record: RunRecord): string {
  const at = template.indexOf(slot)
  if (at < 0)
    throw new MixbitError('REPORT_TEMPLATE', 'The template of reports has no place for a run.', {
      hint: 'Take report.html of @mixbit/studio in the version of this package.',
    })
  // Nothing in a JSON text can end the script element, or begin a comment, without "<".
  const frontier = record.frontier.map(({ weightsMemory, sensitivity }) => ({ weightsMemory, sensitivity }))
  const json = JSON.stringify({ ...record, frontier }, short).replaceAll('<', '\\u003c')
  return `${template.slice(0, at)}${slot.replace('><', () => `>${json}<`)}${template.slice(at + slot.length)}`
}

function short(_key: string, value: unknown): unknown {
  if (typeof value !== 'number') return value
  if (!Number.isFinite(value)) return String(value)
  return Number.isInteger(value) ? value : Number(value.toPrecision(5))
}
