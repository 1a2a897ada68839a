import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkOutput, type Files, writeFolder, writeWhole } from './output.ts'
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

test('a folder is replaced whole, and only if it holds nothing but a model', async () => {
  const folder = await emptyFolder()
  const path = join(folder, 'out')
  const files = (text: string) => new Map([['model.json', new TextEncoder().encode(text)]])
  await checkOutput(path, [], true)
  await writeFolder(path, files('old'))
  await checkOutput(path, [], true)
  await writeFolder(path, files('new'))
  expect(await readFile(join(path, 'model.json'), 'utf8')).toBe('new')
  expect(await readdir(folder)).toEqual(['out'])
  await expect(checkOutput(path, [join(path, 'model.json')], true)).rejects.toMatchObject({ code: 'OUTPUT_IS_INPUT' })
  await writeFile(join(path, 'cat.jpg'), '')
  await expect(checkOutput(path, [], true)).rejects.toMatchObject({
    code: 'OUTPUT_WRITE',
    message: expect.stringContaining('cat.jpg'),
  })
  await expect(checkOutput(join(path, 'cat.jpg'), [], true)).rejects.toMatchObject({ code: 'OUTPUT_WRITE' })
})

test('a folder that cannot be written leaves what was there, and nothing else', async () => {
  const folder = await emptyFolder()
  const path = join(folder, 'out')
  await writeFolder(path, new Map([['model.json', new Uint8Array(1)]]))
  // A file in a folder that is not there: the second one fails.
  const bad = new Map([
    ['model.json', new Uint8Array(2)],
    ['no/shard.bin', new Uint8Array(2)],
  ])
  await expect(writeFolder(path, bad)).rejects.toMatchObject({ code: 'OUTPUT_WRITE' })
  expect(await readdir(folder)).toEqual(['out'])
  expect((await readFile(join(path, 'model.json'))).length).toBe(1)
})
