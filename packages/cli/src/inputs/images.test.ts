import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PixelPlan, pixelsToTensor, planPixels } from '@mixbit/inputs'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { emptyFolder } from '../testing/folder.ts'
import { listImages, readPixels } from './images.ts'

const spec = (shape: (number | string)[]) => ({ name: 'x', dtype: 'f32' as const, shape })
const readImage = async (path: string, plan: PixelPlan) => pixelsToTensor(await readPixels(path, plan), plan)

/** A picture of one colour. */
async function plain(
  folder: string,
  name: string,
  [r, g, b]: [number, number, number],
  width = 8,
  height = 8,
): Promise<string> {
  const path = join(folder, name)
  await sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .png()
    .toFile(path)
  return path
}

describe('the presets give what their frameworks give, for the pixel (255, 0, 51)', () => {
  // By hand: torchvision (v / 255 - mean) / std; tf.keras mobilenet v / 127.5 - 1; caffe BGR minus mean.
  const cases: [string, number[]][] = [
    ['imagenet', [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]],
    ['imagenet-tf', [1, -1, -0.6]],
    ['caffe', [51 - 103.94, -116.78, 255 - 123.68]],
    ['cifar10', [(1 - 0.4914) / 0.247, -0.4822 / 0.2435, (0.2 - 0.4465) / 0.2616]],
    ['unit', [1, 0, 0.2]],
    ['raw', [255, 0, 51]],
  ]
  test.each(cases)('%s', async (preset, expected) => {
    const path = await plain(await emptyFolder(), 'a.png', [255, 0, 51])
    const { shape, data } = await readImage(path, planPixels(spec(['N', 3, 4, 4]), { preset }))
    expect(shape).toEqual([1, 3, 4, 4])
    for (let c = 0; c < 3; c++) expect(data[c * 16 + 5] as number).toBeCloseTo(expected[c]!, 4)
  })
})

test('nhwc is taken from the shape and interleaves the channels', async () => {
  const path = await plain(await emptyFolder(), 'a.png', [10, 20, 30])
  const { shape, data } = await readImage(path, planPixels(spec(['N', 4, 4, 3]), { preset: 'raw' }))
  expect(shape).toEqual([1, 4, 4, 3])
  expect([...(data as Float32Array).slice(0, 6)]).toEqual([10, 20, 30, 10, 20, 30])
})

test('a model with one channel gets luminance', async () => {
  const path = await plain(await emptyFolder(), 'a.png', [200, 200, 200])
  const { shape, data } = await readImage(path, planPixels(spec([1, 1, 4, 4]), { preset: 'raw' }))
  expect(shape).toEqual([1, 1, 4, 4])
  expect(data[0] as number).toBeCloseTo(200, 0)
})

test('imagenet takes the middle of the picture', async () => {
  // A picture whose left half is black and right half white: the cut through the middle stays in the middle.
  const left = await sharp({ create: { width: 300, height: 256, channels: 3, background: '#000' } })
    .png()
    .toBuffer()
  const path = join(await emptyFolder(), 'half.png')
  await sharp({ create: { width: 600, height: 256, channels: 3, background: '#fff' } })
    .composite([{ input: left, left: 0, top: 0 }])
    .png()
    .toFile(path)
  const { data } = await readImage(
    path,
    planPixels(spec(['N', 3, 224, 224]), { preset: 'imagenet', scale: 1, mean: [0], std: [1] }),
  )
  expect([data[0], data[111], data[112], data[223]]).toEqual([0, 0, 255, 255])
})

test('pictures are listed in a fixed order', async () => {
  const folder = await emptyFolder()
  await mkdir(join(folder, 'sub'))
  for (const name of ['b.png', 'a.png', 'B.png', 'sub/c.png']) await plain(folder, name, [0, 0, 0])
  await writeFile(join(folder, 'notes.txt'), '')
  expect(await listImages(folder)).toEqual(['B.png', 'a.png', 'b.png', 'sub/c.png'])
})

test('a file that is no picture and a crop that does not fit are refused', async () => {
  const folder = await emptyFolder()
  const broken = join(folder, 'broken.jpg')
  await writeFile(broken, 'no picture')
  const plan = planPixels(spec([1, 3, 8, 8]), { preset: 'unit' })
  await expect(readImage(broken, plan)).rejects.toMatchObject({ code: 'DATA_FORMAT' })
  await expect(readImage(await plain(folder, 'a.png', [0, 0, 0]), { ...plan, resize: 4 })).rejects.toMatchObject({
    code: 'DATA_MISMATCH',
  })
})
