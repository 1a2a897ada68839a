import { MixbitError } from '@mixbit/graph'

/** Where rows are kept: lines of text, appended one by one. A torn last line is ignored. */
export interface CheckpointStore {
  load(): Promise<readonly string[]>
  append(line: string): Promise<void>
}

/** What one layer gave for one chunk of samples: candidate x sample x (distances, then losses). */
export type Row = readonly (readonly (readonly number[])[])[]

export interface OpenCheckpoint {
  readonly rows: ReadonlyMap<string, Row>
  append(id: string, row: Row): Promise<void>
}

/** JSON has no NaN and no infinities: they are kept as text. */
const encode = (_: string, value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
const decode = (_: string, value: unknown) =>
  value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value

/**
 * Reads what an earlier run has measured. A row's id says which samples it is of: rows of other chunks are not used.
 * @throws MixbitError `CHECKPOINT_MISMATCH` when it belongs to another model, data or config.
 */
export async function openCheckpoint(store: CheckpointStore | undefined, key: string): Promise<OpenCheckpoint> {
  const rows = new Map<string, Row>()
  if (!store) return { rows, append: async () => {} }
  const lines = (await store.load()).flatMap((line) => parsed(line))
  const header = lines.find((line): line is { key: string } => 'key' in line)
  if (header && header.key !== key)
    throw new MixbitError(
      'CHECKPOINT_MISMATCH',
      'The checkpoint belongs to another model, representative dataset or config.',
      {
        hint: 'Remove it, or name another one.',
        context: { found: header.key, expected: key },
      },
    )
  if (!header) await store.append(JSON.stringify({ key }))
  for (const line of lines) if ('row' in line) rows.set(line.id, line.row)
  return { rows, append: (id, row) => store.append(JSON.stringify({ id, row }, encode)) }
}

function parsed(line: string): ({ key: string } | { id: string; row: Row })[] {
  try {
    return [JSON.parse(line, decode)]
  } catch {
    return []
  }
}
