// The example that ships with the project, as files beside the app (the bundler takes them from examples/demo).
import calibration from '../../../../examples/demo/model/calibration.bin?url'
import onnx from '../../../../examples/demo/model/shapes.onnx?url'
import test from '../../../../examples/demo/model/test.bin?url'
import shard from '../../../../examples/demo/model/tfjs/group1-shard1of1.bin?url'
import json from '../../../../examples/demo/model/tfjs/model.json?url'
import type { Format, NamedFile } from './protocol.ts'

const size = 32
const pictureBytes = size * size * 3

async function bytesOf(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(new URL(url, import.meta.url))
  if (!response.ok) throw new Error(`The example is not there: ${response.status} for ${response.url}.`)
  return new Uint8Array(await response.arrayBuffer())
}

const named = async (name: string, url: string): Promise<NamedFile> => ({
  name,
  file: new File([await bytesOf(url)], name),
})

/** The files of the model, as if they had been dropped. */
export const exampleModel = (format: Format): Promise<NamedFile[]> =>
  Promise.all(
    format === 'onnx'
      ? [named('shapes.onnx', onnx)]
      : [named('shapes/model.json', json), named('shapes/group1-shard1of1.bin', shard)],
  )

/** Pixels (rows first, RGB) of the pictures, and their classes where they are known. */
export async function examplePictures(role: 'calibration' | 'test') {
  const bytes = await bytesOf(role === 'calibration' ? calibration : test)
  const skip = role === 'calibration' ? 0 : 1
  const records = Array.from({ length: bytes.length / (pictureBytes + skip) }, (_, i) =>
    bytes.subarray(i * (pictureBytes + skip), (i + 1) * (pictureBytes + skip)),
  )
  return {
    size,
    pictures: records.map((record) => record.subarray(skip)),
    labels: skip === 1 ? records.map((record) => record[0]!) : null,
  }
}
