import { parseGraph } from '@mixbit/graph'
import fc from 'fast-check'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { bitWidthChart, bitWidthFigure, colourOf } from './bit-chart.ts'
import { crc32c } from './crc.ts'
import { encodeEvents } from './events.ts'
import { histogramOf, joinBins } from './histogram.ts'
import { encodePng } from './png.ts'
import { channelEntries, statisticsEntries } from './tensor-entries.ts'
import { readEvents, readGraph, readValues } from './testing/read-events.ts'

const quantized = parseGraph(`graph g(%x: f32[N,3,8,8]) {
  %w: f32[2,3,1,1] stored=i4@0[0.5, 0.25] = constant(1, -0.5, 0.5, 0.25, 0, 0.75)
  %x_q: f32[N,3,8,8] = fakeQuantize FakeQuantize(%x) grid=u8[0.1]
  %h: f32[N,2,8,8] = conv Conv(%x_q, %w) {strides=[1, 2]} weights=[1@0] macs=384
  %a: f32[N,2,8,8] = relu(%h)
  return %a
}`)

test('the check of the standard test string is the published one', () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
})

test('a file begins with its version, and every event has the given time', () => {
  const events = readEvents(encodeEvents([{ tag: 'a', step: 7, scalar: 0.5 }], 12.25))
  expect(events).toMatchObject([
    { wallTime: 12.25, fileVersion: 'brain.Event:2' },
    { wallTime: 12.25, step: 7, summary: { value: [{ tag: 'a', simpleValue: 0.5 }] } },
  ])
})

test('a damaged file does not pass the independent reader', () => {
  const file = encodeEvents([{ tag: 'a', scalar: 1 }])
  for (const at of [0, 8, 12, file.length - 1]) {
    const damaged = file.slice()
    damaged[at]! ^= 1
    expect(() => readEvents(damaged)).toThrow()
  }
})

test('a graph shows kind, bits, thresholds, shapes and memory of every node, and where it reads from', () => {
  const notes = new Map([['h', { why: 'because' }]])
  const nodes = readGraph(readEvents(encodeEvents([{ graph: quantized, notes }])))
  expect([...nodes.keys()]).toEqual(['x', 'x_q', 'h', 'a'])
  expect(nodes.get('x')).toMatchObject({ op: 'Placeholder', attr: { activation_bits: 8, output_shape: 'Nx3x8x8' } })
  const conv = nodes.get('h')!
  expect(conv).toMatchObject({ op: 'Conv', input: ['x_q'], device: '4-bit weights' })
  expect(conv.attr).toMatchObject({
    kind: 'conv',
    macs: 384,
    weights_bits: 4,
    weights_threshold: 4,
    weights_smallest_threshold: 2,
    weights_signed: 'yes',
    weights_shape: '2x3x1x1',
    weights_bytes: 3,
    output_shape: 'Nx2x8x8',
    activation_bytes: 512,
    strides: { i: [1, 2] },
    why: 'because',
    _output_shapes: { shape: [{ dim: [{ size: -1 }, { size: 2 }, { size: 8 }, { size: 8 }] }] },
  })
  expect(nodes.get('x_q')!.attr.activation_threshold).toBeCloseTo(25.5, 5)
  expect(nodes.get('a')!.input).toEqual(['h'])
})

test('attributes of every kind and numbers of every size are written', () => {
  const attrs = {
    alpha: { float: 0.5 },
    scales: { float: [1, 2.5] },
    huge: { float: 1e300 },
    fraction: 1.5,
    fractions: [1, 1.5],
    big: 2n ** 63n - 1n,
    on: true,
    mode: 'same',
    names: ['a', 'b'],
    table: { tensor: { dtype: 'f32', shape: [2, 3], data: new Float32Array(6) } },
    body: { bytes: new Uint8Array(7) },
    kind: 'taken',
  } as const
  const graph = { ...quantized, nodes: quantized.nodes.map((node) => (node.id === 'a' ? { ...node, attrs } : node)) }
  expect(readGraph(readEvents(encodeEvents([{ graph }]))).get('a')!.attr).toMatchObject({
    alpha: 0.5,
    scales: { f: [1, 2.5] },
    huge: Number.POSITIVE_INFINITY,
    fraction: 1.5,
    fractions: { f: [1, 1.5] },
    big: 2 ** 63,
    on: true,
    mode: 'same',
    table: 'f32[2,3]',
    body: '7 bytes',
    kind: 'activation',
    op_kind: 'taken',
  })
  const [value] = readValues(readEvents(encodeEvents([{ tag: 'a', scalar: -1e300 }]))).get('a')!
  expect(value!.simpleValue).toBe(Number.NEGATIVE_INFINITY)
})

test('names that TensorFlow does not take are changed, stay different, and the old one is shown', () => {
  const graph = {
    ...quantized,
    nodes: quantized.nodes.map((node) => ({ ...node, id: node.id === 'h' ? '/block:0/conv' : 'a b' })).slice(1),
  }
  const nodes = readGraph(readEvents(encodeEvents([{ graph }])))
  expect([...nodes.keys()]).toEqual(['x', 'block_0/conv', 'a_b'])
  expect(nodes.get('a_b')).toMatchObject({ input: ['block_0/conv'], attr: { name_in_model: 'a b' } })
  const twice = { ...graph, nodes: graph.nodes.map((node, i) => ({ ...node, id: ['a b', 'a_b'][i]! })) }
  expect([...readGraph(readEvents(encodeEvents([{ graph: twice }]))).keys()]).toEqual(['x', 'a_b', 'a_b_1'])
})

test('a histogram counts every finite number once, and its moments are those of the data', () => {
  const numbers = fc.array(fc.oneof(fc.float({ noDefaultInfinity: true, min: -1e6, max: 1e6 }), fc.constant(Infinity)))
  fc.assert(
    fc.property(numbers, (data) => {
      const histo = readValues(readEvents(encodeEvents([{ tag: 'h', histogram: histogramOf(data) }]))).get('h')![0]!
        .histo!
      const finite = data.filter(Number.isFinite)
      const limits = histo.bucketLimit
      expect(histo.bucket.reduce((a, b) => a + b)).toBe(finite.length)
      expect(limits.every((limit, i) => i === 0 || limit >= limits[i - 1]!)).toBe(true)
      if (finite.length === 0) return
      expect([histo.num, (histo.min ?? 0) + 0, (histo.max ?? 0) + 0]).toEqual(
        [finite.length, Math.min(...finite), Math.max(...finite)].map((x) => x + 0),
      )
      expect(histo.sum ?? 0).toBeCloseTo(
        finite.reduce((a, b) => a + b),
        0,
      )
      expect(limits.at(-1)! + 0).toBe((histo.max ?? 0) + 0)
    }),
  )
})

test('joined bins count what the fine ones counted, up to the same right edge', () => {
  const edges = Float64Array.from({ length: 1001 }, (_, i) => i / 10)
  const counts = Float64Array.from({ length: 1000 }, (_, i) => i % 7)
  const joined = joinBins({ edges, counts, min: 0, max: 100, sum: 5, sumOfSquares: 9 })
  expect(joined.counts.length).toBeLessThanOrEqual(64)
  expect(joined.counts.reduce((a, b) => a + b)).toBe(counts.reduce((a, b) => a + b))
  expect([joined.limits[0], joined.limits.at(-1)]).toEqual([1.6, 100])
  expect(joined.counts[0]).toBe([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1].reduce((a, b) => a + b))
})

test('channels are steps, along any axis', () => {
  // [2, 3] with channels along axis 1: columns (1, 4), (2, 5), (3, 6).
  const values = readValues(readEvents(encodeEvents(channelEntries('w', [1, 2, 3, 4, 5, 6], [2, 3], 1))))
  expect(values.get('w/min')!.map(({ step, simpleValue }) => [step, simpleValue])).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
  ])
  expect(values.get('w/max')!.map(({ simpleValue }) => simpleValue)).toEqual([4, 5, 6])
  expect(values.get('w/mean')!.map(({ simpleValue }) => simpleValue)).toEqual([2.5, 3.5, 4.5])
  expect(values.get('w')![0]!.histo!.num).toBe(6)
  const whole = readValues(readEvents(encodeEvents(statisticsEntries('a', histogramOf([1, 2, 6])))))
  expect(whole.get('a/mean')![0]!.simpleValue).toBe(3)
})

test('the figure of bit-widths is a picture that a decoder opens, and a table', async () => {
  const bars = [3, 1, 8, 16, 5, 2].map((bits, i) => ({ name: `layer|${i}`, bits }))
  const values = readValues(readEvents(encodeEvents(bitWidthFigure('Weights final bit-width config', bars))))
  const { image } = values.get('Weights final bit-width config')![0]!
  const { data, info } = await sharp(image!.encodedImageString).raw().toBuffer({ resolveWithObject: true })
  expect([info.width, info.height, info.channels]).toEqual([image!.width, image!.height, 3])
  // The middle of the lowest bit of every bar has the colour of its width.
  const floor = info.height - 20
  for (const [i, { bits }] of bars.entries()) {
    const at = ((floor - 8) * info.width + 24 + i * 16 + 8) * 3
    expect([...data.subarray(at, at + 3)]).toEqual(colourOf(bits))
  }
  const [table] = values.get('Weights final bit-width config, as a table')!
  expect(table!.metadata!.pluginData.pluginName).toBe('text')
  expect(new TextDecoder().decode(table!.tensor!.stringVal[0])).toContain('| 4 | layer\\|3 | 16 |')
})

test('every width has a colour of its own', () => {
  const colours = Array.from({ length: 16 }, (_, i) => colourOf(i + 1).join())
  expect(new Set(colours).size).toBe(16)
})

test('any picture comes through a PNG decoder as it was', async () => {
  const sizes = fc.integer({ min: 1, max: 40 })
  await fc.assert(
    fc.asyncProperty(sizes, sizes, fc.infiniteStream(fc.nat(2)), async (width, height, colours) => {
      const pixels = Uint8Array.from({ length: width * height }, () => colours.next().value)
      const palette = [
        [1, 2, 3],
        [250, 0, 9],
        [77, 78, 79],
      ] as const
      const data = await sharp(encodePng({ width, height, pixels, palette })).raw().toBuffer()
      expect([...data]).toEqual([...pixels].flatMap((i) => palette[i]!))
    }),
    { numRuns: 20 },
  )
})

test('the same entries give the same bytes, also for thousands of layers', () => {
  const bars = Array.from({ length: 3000 }, (_, i) => ({ name: `n${i}`, bits: 1 + (i % 8) }))
  const { width } = bitWidthChart(bars)
  expect(width).toBeLessThan(10_000)
  const entries = [{ graph: quantized }, ...bitWidthFigure('a', bars)]
  expect(encodeEvents(entries)).toEqual(encodeEvents(entries))
})
