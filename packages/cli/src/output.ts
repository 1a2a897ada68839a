import { randomBytes } from 'node:crypto'
import { rmSync, type Stats, unlinkSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Artifact } from './backend.ts'
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

/** Writes what an adapter gave: a file, or a folder of files. */
export const writeArtifact = (path: string, artifact: Artifact, cleanups: Set<() => void>): Promise<void> =>
  artifact instanceof Uint8Array ? writeWhole(path, artifact, cleanups) : writeFolder(path, artifact, cleanups)

/**
 * Writes a folder whole or not at all: under a temporary name beside it, flushed, renamed. A model that was there goes only then.
 * @throws MixbitError `OUTPUT_WRITE`; the temporary folder is gone then.
 */
export async function writeFolder(
  path: string,
  contents: ReadonlyMap<string, Uint8Array>,
  cleanups: Set<() => void> = new Set(),
): Promise<void> {
  const name = `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}`
  const [fresh, old] = [`${name}.tmp`, `${name}.old`].map((part) => join(dirname(path), part)) as [string, string]
  const cleanup = () => rmSync(fresh, { recursive: true, force: true })
  cleanups.add(cleanup)
  try {
    await mkdir(fresh)
    for (const [file, data] of contents) await flush(join(fresh, file), data, { open, rename, unlink })
    const replaced = await rename(path, old).then(
      () => true,
      () => false,
    )
    await rename(fresh, path).catch(async (cause) => {
      if (replaced) await rename(old, path)
      throw cause
    })
    await rm(old, { recursive: true, force: true })
  } catch (cause) {
    cleanup()
    throw writeError(path, cause)
  } finally {
    cleanups.delete(cleanup)
  }
}

/** A folder and those above it, if they are not there. @throws MixbitError `OUTPUT_WRITE` */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause) => {
    throw writeError(path, cause)
  })
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
 * @throws MixbitError `OUTPUT_WRITE` when the folder is missing or the path is a folder or a device (for a folder: when there is
 * a file, or a folder that holds no model); `OUTPUT_IS_INPUT`.
 */
export async function checkOutput(path: string, inputs: readonly string[], asFolder = false): Promise<void> {
  const folder = await stat(dirname(path)).catch((cause) => {
    throw writeError(path, cause)
  })
  const there = await stat(path).catch(() => undefined)
  if (!folder.isDirectory()) throw writeError(path, new Error(`${dirname(path)} is no folder`))
  if (asFolder) await checkFolder(path, there)
  // A rename would put a file in the place of a device.
  else if (there && !there.isFile())
    throw writeError(path, new Error(`it is a ${there.isDirectory() ? 'folder' : 'device'}, not a file`))
  for (const input of asFolder ? inputs.map(folderOf) : inputs) {
    const other = await stat(input).catch(() => undefined)
    if (there && other && there.ino === other.ino && there.dev === other.dev)
      throw new MixbitError('OUTPUT_IS_INPUT', `${path} is the input itself.`, {
        hint: 'Name another output file with -o.',
      })
  }
}

/** A TF.js model is its folder, however it was named. */
const folderOf = (model: string): string => (model.endsWith('.json') ? dirname(model) : model)

/** What would be replaced must be a model, or nothing: never somebody's pictures. */
async function checkFolder(path: string, there: Stats | undefined): Promise<void> {
  if (!there) return
  if (!there.isDirectory()) throw writeError(path, new Error('a TF.js model is a folder, and this is a file'))
  const files = await readdir(path)
  const others = files.filter((file) => !/^(model\.json|group\d+-shard\d+of\d+\.bin)$/.test(file))
  if (others.length > 0)
    throw writeError(path, new Error(`the folder holds other files (${others.slice(0, 3).join(', ')})`))
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
