import { readFileSync } from 'node:fs'
import { encodeNpy, encodeNpz } from '@mixbit/inputs'
import { zipSync } from 'fflate'
import { beforeAll, expect, test } from 'vitest'
import { type Desk, emptyDesk } from './desk.ts'
import { exportData, loadData } from './load-data.ts'
import { openModel } from './open-model.ts'
import type { DataRequest } from './protocol.ts'

let desk: Desk
beforeAll(async () => {
  desk = emptyDesk()
  const file = new File([readFileSync('examples/demo/model/shapes.onnx')], 'shapes.onnx')
  await openModel(desk, { files: [{ name: 'shapes.onnx', file }] }, () => {})
})

const pixels = Uint8Array.from({ length: 2 * 3072 }, (_, i) => i % 256)
const picturesNpy = encodeNpy({ dtype: 'u8', shape: [2, 32, 32, 3], data: pixels })
const request = (name: string, content: Uint8Array, more: Partial<DataRequest> = {}): DataRequest => ({
  role: 'calibration',
  source: { files: [{ name, file: new File([content.slice()], name) }] },
  labels: null,
  image: { preset: 'unit' },
  samples: 64,
  ...more,
})

test('bytes of a .npy are preprocessed, and shown as the network sees them', async () => {
  const data = await loadData(desk, request('pictures.npy', picturesNpy))
  expect(data).toMatchObject({ samples: 2, kind: 'pictures', labelled: false, range: { min: 0, max: 1 } })
  expect(data.previews[0]).toMatchObject({ width: 32, height: 32 })
  expect([...data.previews[0]!.rgba.slice(0, 4)]).toEqual([0, 1, 2, 255])
})

test('what is exported is read again as the same samples', async () => {
  await loadData(desk, request('pictures.npy', picturesNpy))
  const feeds = desk.data.calibration!.feeds
  await loadData(desk, request('again.npz', exportData(desk, 'calibration')))
  expect(desk.data.calibration!.feeds).toEqual(feeds)
})

test('an array of labels beside the inputs is not fed', async () => {
  const input = encodeNpy({ dtype: 'f32', shape: [2, 3, 32, 32], data: new Float32Array(2 * 3072) })
  const labels = encodeNpy({ dtype: 'i64', shape: [2], data: BigInt64Array.of(3n, 5n) })
  const npz = zipSync({ 'input.npy': input, 'labels.npy': labels })
  expect(await loadData(desk, request('test.npz', npz, { role: 'test' }))).toMatchObject({ labelled: true, samples: 2 })
  expect(desk.data.test!.labels).toEqual([3, 5])
  expect([...desk.data.test!.feeds[0]!.keys()]).toEqual(['input'])
})

test('a file of labels is joined by the order of the samples', async () => {
  const labels = new File(['4\n7\n'], 'labels.txt')
  await loadData(desk, request('pictures.npy', picturesNpy, { role: 'test', labels }))
  expect(desk.data.test!.labels).toEqual([4, 7])
})

test('new calibration data makes the sweep before out of date, new test data does not', async () => {
  desk.measured = {} as never
  await loadData(desk, request('pictures.npy', picturesNpy, { role: 'test' }))
  expect(desk.measured).not.toBeNull()
  await loadData(desk, request('pictures.npy', picturesNpy))
  expect(desk.measured).toBeNull()
})

test('files that are neither pictures nor arrays are named', async () => {
  await expect(loadData(desk, request('notes.txt', new Uint8Array()))).rejects.toMatchObject({
    code: 'DATA_FORMAT',
    message: expect.stringContaining('notes.txt'),
  })
})

test('arrays of another shape are refused by the reader of the command line', async () => {
  const npz = encodeNpz([new Map([['input', { dtype: 'f32', shape: [1, 3, 8, 8], data: new Float32Array(192) }]])])
  await expect(loadData(desk, request('a.npz', npz))).rejects.toMatchObject({ code: 'DATA_MISMATCH' })
})
