import { parseGraph } from '@mixbit/graph'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPicture, placement, spread } from './pictures.ts'
import { pixelsToTensor, planPixels, rgbaToPixels, tensorToRgba } from './pixels.ts'
import { readInputs } from './read.ts'
import type { ImageFlags } from './types.ts'

const spec = (shape: (number | string)[]) => ({ name: 'x', dtype: 'f32' as const, shape })

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

test('imagenet resizes the short side to 256 for a crop of 224, and other sizes in proportion', () => {
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
})

test('inputs that are no pictures or have no size, and unknown presets, are refused', () => {
  expect(() => planPixels(spec(['N', 10]))).toThrow(expect.objectContaining({ code: 'DATA_MISMATCH' }))
  expect(() => planPixels(spec(['N', 3, 'H', 'W']))).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('--crop') }),
  )
  expect(() => planPixels(spec([1, 3, 8, 8]), { preset: 'nope' })).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID' }),
  )
})

test('a smaller number of pictures is spread over all', () => {
  expect(spread(['0', '1', '2', '3', '4', '5'], 3)).toEqual(['0', '2', '4'])
  expect(spread(['0', '1'], 9)).toEqual(['0', '1'])
})

test('pictures are known by their names', () => {
  expect(['a/b.JPG', 'x.webp', 'x.txt', 'jpg'].map(isPicture)).toEqual([true, true, false, false])
})

test('the crop lies in the middle of the scaled picture; without --resize the picture just covers it', () => {
  const plan = planPixels(spec([1, 3, 224, 224]), { preset: 'imagenet' })
  expect(placement({ width: 600, height: 300 }, plan, 'a')).toEqual({ width: 512, height: 256, left: 144, top: 16 })
  const covering = planPixels(spec([1, 3, 10, 20]), { preset: 'unit' })
  expect(placement({ width: 40, height: 40 }, covering, 'a')).toEqual({ width: 20, height: 20, left: 0, top: 5 })
  expect(() => placement({ width: 9, height: 9 }, { ...plan, resize: 100 }, 'a.png')).toThrow(
    expect.objectContaining({ code: 'DATA_MISMATCH', message: expect.stringContaining('a.png') }),
  )
})

test('raw bytes of pictures take a preset too', async () => {
  const graph = parseGraph('graph g(%x: f32[N,3,1,1]) { return %x }')
  const bytes = Uint8Array.of(7, 255, 0, 51, 8, 0, 0, 0)
  const { feeds } = await readInputs(
    graph,
    { file: 'cifar.bin', bytes },
    {
      dtype: 'u8',
      shape: [1, 1, 3],
      recordSkip: 1,
      image: { preset: 'unit' },
    },
  )
  expect(feeds.map((feed) => [...(feed.get('x')!.data as Float32Array)])).toEqual([
    [1, 0, Math.fround(0.2)],
    [0, 0, 0],
  ])
})

test('pictures come through the decoder that is given, spread and in order', async () => {
  const graph = parseGraph('graph g(%x: f32[N,1,1,1]) { return %x }')
  const pictures = ['0.png', '1.png', '2.png', '3.png']
  const decode = async (name: string) => [Number(name[0])]
  const { names, feeds } = await readInputs(graph, { pictures, decode }, { samples: 2, image: { preset: 'raw' } })
  expect(names).toEqual(['0.png', '2.png'])
  expect(feeds.map((feed) => feed.get('x')!.data[0])).toEqual([0, 2])
})

test('a canvas gives the pixels on white, or their luma', () => {
  const rgba = [10, 20, 30, 255, 0, 0, 0, 0]
  expect([...rgbaToPixels(rgba, 3)]).toEqual([10, 20, 30, 255, 255, 255])
  expect([...rgbaToPixels([200, 200, 200, 255, 255, 0, 0, 255], 1)]).toEqual([200, 54])
})

test('what the network sees is the picture again, whatever preset, layout and order of channels', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('imagenet', 'imagenet-tf', 'caffe', 'cifar10', 'unit', 'raw'),
      fc.constantFrom([1, 3, 2, 2], [1, 2, 2, 3], [1, 1, 2, 2]),
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      (preset, shape, pixels) => {
        const plan = planPixels(spec([...shape]), { preset })
        const rgba = tensorToRgba(pixelsToTensor(pixels, plan), plan)
        expect([...rgbaToPixels(rgba, plan.depth)]).toEqual([...pixels.subarray(0, 4 * plan.depth)])
      },
    ),
  )
})
