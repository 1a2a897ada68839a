import { MixbitError } from '@mixbit/graph'

/**
 * The class index of each named sample. The text is a JSON array or object (`name -> index`), lines with one index each
 * in the order of the samples, or lines `name, index, ...` separated by tabs, commas or spaces (a heading is skipped).
 * Names match whole, or by what stands behind their last slash.
 * @throws MixbitError `DATA_FORMAT`, or `DATA_MISMATCH` when a sample has no label.
 */
export function parseLabels(text: string, names: readonly string[], what: string): number[] {
  const labels = /^\s*[[{]/.test(text) ? fromJson(text, what) : fromLines(text, what)
  return names.map((name, i) => {
    const label = Array.isArray(labels)
      ? labels[i]
      : (labels.get(name) ?? labels.get(name.slice(name.lastIndexOf('/') + 1)))
    if (label !== undefined) return label
    throw new MixbitError('DATA_MISMATCH', `${what} has no label for sample ${name}.`, {
      hint: 'Give one line for each sample, or lines with name and class index.',
      context: { sample: name },
    })
  })
}

type Labels = number[] | Map<string, number>

function fromJson(text: string, what: string): Labels {
  try {
    const json: unknown = JSON.parse(text)
    if (Array.isArray(json)) return json.map((label) => index(label, what))
    return new Map(Object.entries(json as object).map(([name, label]) => [name, index(label, what)]))
  } catch (cause) {
    if (cause instanceof MixbitError) throw cause
    throw new MixbitError('DATA_FORMAT', `${what} is not JSON: ${(cause as Error).message}.`, {
      hint: 'Repair the labels file.',
      cause,
    })
  }
}

function fromLines(text: string, what: string): Labels {
  const rows = text
    .split(/\r?\n/)
    .filter((line) => line.trim())
    .map(cells)
  if (rows.every((row) => row.length === 1)) return rows.map(([label]) => index(label, what))
  const heading = rows.length > 1 && !isIndex(rows[0]![1])
  return new Map(rows.slice(heading ? 1 : 0).map(([name, label]) => [name!, index(label, what)]))
}

/** Names may hold spaces, so the stronger separator wins. */
function cells(line: string): string[] {
  const separator = line.includes('\t') ? '\t' : line.includes(',') ? ',' : /\s+/
  return line
    .trim()
    .split(separator)
    .map((cell) => cell.trim())
}

const isIndex = (label: unknown) => /^\d+$/.test(String(label))

function index(label: unknown, what: string): number {
  if (isIndex(label)) return Number(label)
  throw new MixbitError('DATA_FORMAT', `${what}: "${String(label)}" is not a class index.`, {
    hint: 'Class indices are whole numbers from 0.',
  })
}
