import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkOutput, type Files, writeWhole } from './output.ts'
import { emptyFolder } from './testing/folder.ts'

test('a file is replaced by its new content, and nothing else is left', async () => {
  const path = join(await emptyFolder(), 'a.onnx')
  await writeFile(path, 'old')
  const cleanups = new Set<() => void>()
  await writeWhole(path, 'new', cleanups)
  expect(await readFile(path, 'utf8')).toBe('new')
  expect(await readdir(join(path, '..'))).toEqual(['a.onnx'])
  expect(cleanups.size).toBe(0)
})

test('on a full disk the old file stays, the temporary one goes, and the hint says what to do', async () => {
  const folder = await emptyFolder()
  const path = join(folder, 'a.onnx')
  await writeFile(path, 'old')
  const full: Files = {
    async open(temporary) {
      await writeFile(temporary, 'half')
      const writeFull = async () => {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      }
      return { writeFile: writeFull, sync: async () => {}, close: async () => {} }
    },
    rename,
    unlink,
  }
  await expect(writeWhole(path, 'new', new Set(), full)).rejects.toMatchObject({
    code: 'OUTPUT_WRITE',
    hint: expect.stringContaining('disk is full'),
  })
  expect(await readdir(folder)).toEqual(['a.onnx'])
  expect(await readFile(path, 'utf8')).toBe('old')
})

test('an output that cannot work is refused before the work', async () => {
  const folder = await emptyFolder()
  const model = join(folder, 'model.onnx')
  await writeFile(model, '')
  await mkdir(join(folder, 'sub'))
  await checkOutput(join(folder, 'new.onnx'), [model])
  await expect(checkOutput(join(folder, 'none', 'a.onnx'), [])).rejects.toMatchObject({
    code: 'OUTPUT_WRITE',
    hint: 'Create the folder first.',
  })
  await expect(checkOutput(join(folder, 'sub'), [])).rejects.toMatchObject({ code: 'OUTPUT_WRITE' })
  await expect(checkOutput('/dev/null', [])).rejects.toMatchObject({
    code: 'OUTPUT_WRITE',
    message: '/dev/null cannot be written: it is a device, not a file.',
  })
  await expect(checkOutput(join(folder, 'sub', '..', 'model.onnx'), [model])).rejects.toMatchObject({
    code: 'OUTPUT_IS_INPUT',
  })
})
