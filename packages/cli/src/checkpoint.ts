import { open, readFile, truncate, unlink } from 'node:fs/promises'
import type { Checkpoint } from '@mixbit/core'
import { MixbitError } from './mixbit.ts'

/** A checkpoint in a file of lines. */
export interface FileCheckpoint extends Checkpoint {
  /** Deletes the file if it exists. */
  remove(): Promise<void>
}

/**
 * Keeps the sweep in a file: one line at a time, flushed to disk before `append` returns. A line torn by a kill is cut
 * off at the next load, so that the following one starts afresh.
 * @throws MixbitError `CHECKPOINT_IO` from `load` and `append`.
 */
export function fileCheckpoint(path: string): FileCheckpoint {
  return {
    load: () => loadLines(path).catch((cause) => fail(path, cause)),
    append: (line) => appendLine(path, line).catch((cause) => fail(path, cause)),
    remove: () => unlink(path).catch(ignoreMissing),
  }
}

async function loadLines(path: string): Promise<string[]> {
  const bytes = await readFile(path).catch(ignoreMissing)
  if (!bytes) return []
  const end = bytes.lastIndexOf(10) + 1
  if (end < bytes.length) await truncate(path, end)
  return bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1)
}

async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a')
  try {
    await file.writeFile(`${line}\n`)
    await file.datasync()
  } finally {
    await file.close()
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function fail(path: string, cause: Error): never {
  throw new MixbitError('CHECKPOINT_IO', `The checkpoint ${path} cannot be used: ${cause.message}.`, {
    hint: 'Free some space, or name another file with --checkpoint.',
    context: { path },
    cause,
  })
}
