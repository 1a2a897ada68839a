import { randomBytes } from 'node:crypto'
import { unlinkSync } from 'node:fs'
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MixbitError } from './mixbit.ts'

/** The file operations of a write; tests put a full disk here. */
export interface Files {
  readonly open: (path: string, flags: string) => Promise<Pick<FileHandle, 'writeFile' | 'sync' | 'close'>>
  readonly rename: (from: string, to: string) => Promise<void>
  readonly unlink: (path: string) => Promise<void>
}

/**
 * Writes a file whole or not at all: to a temporary name in the same folder, flushed to disk, renamed. What was there
 * before stays until the rename. `cleanups` holds a function while the temporary file exists, for a sudden exit.
 * @throws MixbitError `OUTPUT_WRITE`; the temporary file is gone then.
 */
export async function writeWhole(
  path: string,
  data: Uint8Array | string,
  cleanups: Set<() => void> = new Set(),
  files: Files = { open, rename, unlink },
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`)
  const cleanup = () => unlinkSync(temporary)
  cleanups.add(cleanup)
  try {
    await flush(temporary, data, files)
    await files.rename(temporary, path)
  } catch (cause) {
    await files.unlink(temporary).catch(() => {})
    throw writeError(path, cause)
  } finally {
    cleanups.delete(cleanup)
  }
}

async function flush(path: string, data: Uint8Array | string, files: Files): Promise<void> {
  const file = await files.open(path, 'wx')
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Refuses an output that cannot work, before hours are spent on it.
 * @throws MixbitError `OUTPUT_WRITE` when the folder is missing or the path is a folder or a device; `OUTPUT_IS_INPUT`.
 */
export async function checkOutput(path: string, inputs: readonly string[]): Promise<void> {
  const folder = await stat(dirname(path)).catch((cause) => {
    throw writeError(path, cause)
  })
  const there = await stat(path).catch(() => undefined)
  if (!folder.isDirectory()) throw writeError(path, new Error(`${dirname(path)} is no folder`))
  // A rename would put a file in the place of a device.
  if (there && !there.isFile())
    throw writeError(path, new Error(`it is a ${there.isDirectory() ? 'folder' : 'device'}, not a file`))
  for (const input of inputs) {
    const other = await stat(input).catch(() => undefined)
    if (there && other && there.ino === other.ino && there.dev === other.dev)
      throw new MixbitError('OUTPUT_IS_INPUT', `${path} is the model itself.`, {
        hint: 'Name another output file with -o.',
      })
  }
}

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space. The sweep is kept, so the same command resumes.',
  EACCES: 'The folder must be writable.',
  EPERM: 'The folder must be writable.',
  EROFS: 'The file system is read-only.',
  ENOENT: 'Create the folder first.',
  ENOTDIR: 'Create the folder first.',
}

function writeError(path: string, cause: unknown): MixbitError {
  const { code = '', message } = cause as NodeJS.ErrnoException
  return new MixbitError('OUTPUT_WRITE', `${path} cannot be written: ${message}.`, {
    hint: hints[code] ?? 'Name another output file with -o.',
    context: { path, code },
    cause,
  })
}
