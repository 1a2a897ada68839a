import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { graphOf } from '../testing/fake.ts'
import { emptyFolder } from '../testing/folder.ts'
import { listImages, readImage, spread } from './images.ts'
import { loadInputs } from './load.ts'
import { planPixels } from './pixels.ts'
import type { ImageFlags } from './types.ts'

const spec = (shape: (number | string)[]) => ({ name: 'x', dtype: 'f32' as const, shape })

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

test('flags override the preset', () => {
  const flags: ImageFlags = { preset: 'imagenet', mean: [0.5], std: [0.25], channels: 'bgr', resize: 40 }
  expect(planPixels(spec([1, 3, 32, 32]), flags)).toMatchObject({
    mean: [0.5],
    std: [0.25],
    bgr: true,
    resize: 40,
    scale: 1 / 255,
  })
})

test('a model with one channel gets luminance', async () => {
  const path = await plain(await emptyFolder(), 'a.png', [200, 200, 200])
  const { shape, data } = await readImage(path, planPixels(spec([1, 1, 4, 4]), { preset: 'raw' }))
  expect(shape).toEqual([1, 1, 4, 4])
  expect(data[0] as number).toBeCloseTo(200, 0)
})

test('imagenet resizes the short side to 256 and takes the middle 224; other sizes in proportion', async () => {
  expect(planPixels(spec(['N', 3, 224, 224]), { preset: 'imagenet' })).toMatchObject({
    resize: 256,
    height: 224,
    width: 224,
  })
  expect(planPixels(spec(['N', 3, 'H', 'W']), { preset: 'imagenet' })).toMatchObject({
    resize: 256,
    height: 224,
    width: 224,
  })
  expect(planPixels(spec(['N', 3, 299, 299]), { preset: 'imagenet' }).resize).toBe(342)
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

test('pictures are listed in a fixed order, and a smaller number is spread over them', async () => {
  const folder = await emptyFolder()
  await mkdir(join(folder, 'sub'))
  for (const name of ['b.png', 'a.png', 'B.png', 'sub/c.png']) await plain(folder, name, [0, 0, 0])
  await writeFile(join(folder, 'notes.txt'), '')
  expect(await listImages(folder)).toEqual(['B.png', 'a.png', 'b.png', 'sub/c.png'])
  expect(spread(['0', '1', '2', '3', '4', '5'], 3)).toEqual(['0', '2', '4'])
  expect(spread(['0', '1'], 9)).toEqual(['0', '1'])
})

test('a file that is no picture, a crop that does not fit, and inputs that are no pictures are refused', async () => {
  const folder = await emptyFolder()
  const broken = join(folder, 'broken.jpg')
  await writeFile(broken, 'no picture')
  const plan = planPixels(spec([1, 3, 8, 8]), { preset: 'unit' })
  await expect(readImage(broken, plan)).rejects.toMatchObject({ code: 'DATA_FORMAT' })
  await expect(readImage(await plain(folder, 'a.png', [0, 0, 0]), { ...plan, resize: 4 })).rejects.toMatchObject({
    code: 'DATA_MISMATCH',
  })
  expect(() => planPixels(spec(['N', 10]))).toThrow(expect.objectContaining({ code: 'DATA_MISMATCH' }))
  expect(() => planPixels(spec(['N', 3, 'H', 'W']))).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('--crop') }),
  )
  expect(() => planPixels(spec([1, 3, 8, 8]), { preset: 'nope' })).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID' }),
  )
})

test('raw bytes of pictures take a preset too', async () => {
  const path = join(await emptyFolder(), 'cifar.bin')
  await writeFile(path, Uint8Array.of(7, 255, 0, 51, 8, 0, 0, 0))
  const graph = graphOf([{ id: 'x', dtype: 'f32', shape: ['N', 3, 1, 1] }])
  const { feeds } = await loadInputs(graph, {
    source: path,
    dtype: 'u8',
    shape: [1, 1, 3],
    recordSkip: 1,
    image: { preset: 'unit' },
  })
  expect(feeds.map((feed) => [...(feed.get('x')!.data as Float32Array)])).toEqual([
    [1, 0, Math.fround(0.2)],
    [0, 0, 0],
  ])
})
