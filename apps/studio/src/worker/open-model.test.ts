import { readFileSync } from 'node:fs'
import { zipSync } from 'fflate'
import { expect, test } from 'vitest'
import { emptyDesk } from './desk.ts'
import { openModel } from './open-model.ts'

const example = 'examples/demo/model'
const bytes = new Uint8Array(readFileSync(`${example}/shapes.onnx`))
const named = (name: string, content: Uint8Array) => ({ name, file: new File([content.slice()], name) })
const open = (...files: readonly ReturnType<typeof named>[]) => openModel(emptyDesk(), { files }, () => {})

test('an .onnx file is summed up', async () => {
  expect(await open(named('net/shapes.onnx', bytes))).toMatchObject({
    format: 'onnx',
    name: 'shapes',
    file: 'shapes.onnx',
    bytes: bytes.length,
    nodes: 24,
    inputs: [{ name: 'input', dtype: 'f32', shape: ['N', 3, 32, 32], picture: true }],
  })
})

test('a zip stands for the files in it', async () => {
  const zip = zipSync({ 'net/': new Uint8Array(), 'net/a.onnx': bytes })
  expect(await open(named('net.zip', zip))).toMatchObject({ format: 'onnx', file: 'a.onnx' })
})

test('what is no model says what there is and what to drop', async () => {
  await expect(open(named('notes.txt', bytes))).rejects.toMatchObject({
    code: 'STUDIO_NO_MODEL',
    message: 'There is no model among the files (notes.txt).',
  })
  await expect(open(named('a.onnx', bytes), named('b.onnx', bytes))).rejects.toMatchObject({
    code: 'STUDIO_NO_MODEL',
    message: 'There is more than one model: a.onnx, b.onnx.',
  })
  await expect(open(named('a.zip', bytes))).rejects.toMatchObject({ code: 'STUDIO_ZIP' })
})

test('a new model puts away what belonged to the one before', async () => {
  const desk = emptyDesk()
  desk.data.calibration = { names: [], feeds: [], labels: null }
  desk.checkpoint = { key: '', lines: ['x'] }
  await openModel(desk, { files: [named('a.onnx', bytes)] }, () => {})
  expect(desk.data.calibration).toBeNull()
  expect(desk.checkpoint).toBeNull()
})

test('a model that cannot be read leaves the one before in place', async () => {
  const desk = emptyDesk()
  await openModel(desk, { files: [named('a.onnx', bytes)] }, () => {})
  const broken = openModel(desk, { files: [named('b.onnx', new Uint8Array([1, 2, 3]))] }, () => {})
  await expect(broken).rejects.toMatchObject({ name: 'MixbitError' })
  expect(desk.model?.summary.file).toBe('a.onnx')
})
