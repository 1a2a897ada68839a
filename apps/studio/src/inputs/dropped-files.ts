import type { NamedFile } from '../worker/protocol.ts'

/** Files of an input element; those of a chosen folder have their path in it as name. */
export const filesOfInput = (list: FileList): NamedFile[] =>
  Array.from(list, (file) => ({ name: file.webkitRelativePath || file.name, file }))

/** Files of a drop, folders included, each with its path. Hidden files are left out. */
export async function filesOfDrop(transfer: DataTransfer): Promise<NamedFile[]> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  if (entries.length === 0) return filesOfInput(transfer.files)
  const found = await Promise.all(entries.map((entry) => filesBelow(entry, '')))
  return found.flat().filter(({ name }) => !name.split('/').some((part) => part.startsWith('.')))
}

async function filesBelow(entry: FileSystemEntry, folder: string): Promise<NamedFile[]> {
  const name = folder + entry.name
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ name, file }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const found: NamedFile[] = []
  // A reader gives a hundred entries at most, and none when it is done.
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (batch.length === 0) return found
    found.push(...(await Promise.all(batch.map((inner) => filesBelow(inner, `${name}/`)))).flat())
  }
}
