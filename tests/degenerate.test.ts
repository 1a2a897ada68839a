// Input that says nothing, too little or nonsense: the layer keeps nearest rounding, the report says so, and nothing crashes.
import { quantize, targetPlatforms } from '@mixbit/core'
import { type Tensor, type Tensors, toF32 } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { describe, expect, test } from 'vitest'
import { modelOf, tensor } from '../packages/onnx/src/tiny-models.ts'

const adapter = onnx({ threads: 1 })
const targetPlatform = { ...targetPlatforms['weights-only']!, name: 'test' }
const run = (
  source: Uint8Array,
  representativeDataset: readonly Tensors[],
  weightsRounding: 'nearest' | 'errorCompensating' = 'errorCompensating',
) =>
  quantize(source, {
    adapter,
    representativeDataset,
    targetPlatform: { ...targetPlatform, weights: { bits: [4], scheme: 'symmetric', perChannel: true } },
    coreConfig: { quantizationConfig: { weightsRounding } },
  })
const feeds = (count: number, change: (x: Float32Array, sample: number) => Float32Array = (x) => x): Tensors[] =>
  Array.from({ length: count }, (_, i) => {
    const x = tensor([1, 6], i + 1)
    return new Map([['x', { ...x, data: change(toF32(x).slice(), i) }]])
  })

/** Two dense layers with something between them. */
const between = (middle: string) =>
  modelOf(
    `graph g(%x: f32[N,6], %w: f32[6,10], %b: f32[10], %v: f32[10,3]) {
      %h: f32[N,10] = Gemm(%x, %w, %b) #first
      ${middle}
      %y: f32[N,3] = Gemm(%z, %v) #second
      return %y }`,
    { w: [6, 10], b: [10], v: [10, 3] },
  )
const plain = between('%z: f32[N,10] = Relu(%h)')

describe('a layer keeps nearest rounding, and the report says why,', () => {
  test.each([
    [
      'its inputs are not finite',
      between('%z: f32[N,10] = Log(%h)'),
      feeds(16),
      /^second is rounded to the nearest: its inputs are not finite\.$/m,
    ],
    [
      'its inputs are infinite',
      between('%q: f32[N,10] = Exp(%h)\n%p: f32[N,10] = Exp(%q)\n%z: f32[N,10] = Exp(%p)'),
      feeds(16, (x) => x.map((v) => v * 9)),
      /^second is .*not finite\.$/m,
    ],
    [
      'its inputs are all zero',
      between('%z: f32[N,10] = Sub(%h, %h)'),
      feeds(16),
      /^second is rounded to the nearest: its inputs are all zero\.$/m,
    ],
    ['there is one sample', plain, feeds(1), /^first is rounded to the nearest: only 1 of its inputs was seen\.$/m],
    [
      'there are three samples',
      plain,
      feeds(3),
      /^second is rounded to the nearest: only 3 of its inputs were seen\.$/m,
    ],
  ])('where %s', async (_name, source, data, warning) => {
    const { report, artifact } = await run(source, data)
    expect(report.warnings.join('\n')).toMatch(warning)
    const session = await adapter.open!(artifact!)
    const results = await session.run(data[0]!)
    expect(results.get('y')!.shape).toEqual([1, 3])
    await session.dispose()
  })

  test('for the groups alone whose inputs are zero or constant', async () => {
    // Channel 2 of the image is always 0, channel 4 always 0.7.
    const source = modelOf(
      `graph g(%x: f32[1,6,8,8], %k: f32[6,1,3,3], %b: f32[6]) {
        %y: f32[1,6,6,6] = Conv(%x, %k, %b) {group=6} #depthwise
        return %y }`,
      { k: [6, 1, 3, 3], b: [6] },
    )
    const data = Array.from({ length: 32 }, (_, i) => {
      const x = tensor([1, 6, 8, 8], i + 1)
      // Neighbouring pixels have much in common, so there is something to compensate.
      const values = toF32(x).map((noise, at) => {
        const channel = (at >> 6) % 6
        const value = noise + 3 * Math.sin(5 * i + channel)
        return [value, value, 0, value, 0.7, value][channel]!
      })
      return new Map([['x', { ...x, data: values }]])
    })
    const [nearest, compensated] = [await run(source, data, 'nearest'), await run(source, data)]
    expect(compensated.report.warnings.join('\n')).toMatch(
      /^depthwise has 1 of 6 groups that are rounded to the nearest: their inputs are zero or constant\.$/m,
    )
    const kernel = ({ graph }: typeof nearest) => {
      const [weight] = graph.nodes.find(({ id }) => id === 'depthwise')!.inputs.slice(1) as [string]
      const { tensor: found } = graph.values.get(weight)!
      return Array.from({ length: 6 }, (_, group) => [...toF32(found!).subarray(9 * group, 9 * group + 9)])
    }
    const [before, after] = [kernel(nearest), kernel(compensated)]
    for (const group of [0, 1, 3, 5]) expect(after[group]).not.toEqual(before[group])
    const sqnr = ({ report }: typeof nearest) => report.distances.toFloat[0]!.sqnr
    expect(sqnr(compensated)).toBeGreaterThan(sqnr(nearest) + 3)
  })

  test('and then has the very bytes that nearest rounding gives it', async () => {
    const [ours, nearest] = [await run(plain, feeds(2)), await run(plain, feeds(2), 'nearest')]
    expect(ours.artifact).toEqual(nearest.artifact)
  })
})

describe('errors compensate', () => {
  const sqnr = ({ report }: Awaited<ReturnType<typeof run>>) => report.distances.toFloat[0]!.sqnr
  const better = async (data: Tensors[]) => {
    const [ours, nearest] = [await run(plain, data), await run(plain, data, 'nearest')]
    expect(ours.report.warnings.join()).not.toMatch(/rounded to the nearest/)
    expect(sqnr(ours)).toBeGreaterThan(sqnr(nearest))
  }

  test('where an input is always zero', () => better(feeds(32, (x) => x.with(2, 0))))
  test('where an input is constant', () => better(feeds(32, (x) => x.with(2, 3))))
  test('where inputs repeat each other, so that the matrix has less than full rank', () =>
    better(feeds(32, (x) => x.map((_, j) => x[j % 3]!))))
  test('where all samples are equal', async () => {
    const [first] = feeds(1)
    const { report } = await run(plain, new Array<Tensors>(32).fill(first!))
    expect(Number.isFinite(report.distances.toFloat[0]!.sqnr)).toBe(true)
  })
  test('where an input is a thousand times as large as the others', () =>
    better(feeds(32, (x) => x.with(0, 1000 * x[0]!))))
  test('where inputs are tiny', () => better(feeds(32, (x) => x.map((v) => v * 1e-12))))
})

test('samples and weights that are not finite are refused before anything is rounded', async () => {
  await expect(
    run(
      plain,
      feeds(8, (x, i) => (i === 5 ? x.with(1, Number.NaN) : x)),
    ),
  ).rejects.toMatchObject({ code: 'DATA_NOT_FINITE' })
  const graph = await adapter.read(plain)
  const w = graph.values.get('w')!.tensor!
  const broken = { ...w, data: (w.data as Float32Array).with(3, Number.POSITIVE_INFINITY) } as Tensor
  const bytes = await adapter.write!({
    ...graph,
    values: new Map(graph.values).set('w', { ...graph.values.get('w')!, tensor: broken }),
  })
  await expect(run(bytes, feeds(8))).rejects.toMatchObject({ code: 'WEIGHT_NOT_FINITE' })
})
