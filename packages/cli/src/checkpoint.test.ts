import { appendFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileCheckpoint } from './checkpoint.ts'
import { emptyFolder } from './testing/folder.ts'

test('lines come back, and a line torn by a kill does not spoil the next one', async () => {
  const path = join(await emptyFolder(), 'sweep.jsonl')
  const checkpoint = fileCheckpoint(path)
  expect(await checkpoint.load()).toEqual([])
  await checkpoint.append('{"a":1}')
  await checkpoint.append('{"b":"é"}')
  await appendFile(path, '{"torn":')
  expect(await fileCheckpoint(path).load()).toEqual(['{"a":1}', '{"b":"é"}'])
  await checkpoint.append('{"c":3}')
  expect(await checkpoint.load()).toEqual(['{"a":1}', '{"b":"é"}', '{"c":3}'])
})

test('removing is fine when there is nothing, and a place that cannot be written is named', async () => {
  const folder = await emptyFolder()
  await fileCheckpoint(join(folder, 'x')).remove()
  await expect(fileCheckpoint(join(folder, 'none', 'x')).append('a')).rejects.toMatchObject({ code: 'CHECKPOINT_IO' })
  expect(await readdir(folder)).toEqual([])
})
