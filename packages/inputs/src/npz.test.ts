import { type Graph, parseGraph, type Tensor, type Tensors } from '@mixbit/graph'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { encodeNpy, parseNpy } from './npy.ts'
import { encodeNpz, parseNpz } from './npz.ts'
import { readInputs } from './read.ts'
import { npy } from './testing/npy.ts'

const again = async (graph: Graph, feeds: readonly Tensors[]) =>
  (await readInputs(graph, { file: 'a.npz', bytes: encodeNpz(feeds) })).feeds

/** A tensor whose numbers say where they stand. */
const counted = (shape: readonly number[], from: number): Tensor => {
  const length = shape.reduce((product, n) => product * n, 1)
  return { dtype: 'f32', shape, data: Float32Array.from({ length }, (_, i) => from + i / 7) }
}

test('a .npy file is written byte for byte as NumPy writes it', () => {
  const data = Float32Array.of(1, -2, 3, 4, 5, 6)
  expect(Buffer.from(encodeNpy({ dtype: 'f32', shape: [2, 3], data }))).toEqual(npy('<f4', [2, 3], data))
  expect(Buffer.from(encodeNpy({ dtype: 'u8', shape: [1], data: Uint8Array.of(9) }))).toEqual(
    npy('|u1', [1], Uint8Array.of(9)),
  )
})

test('every element type of NumPy comes back as it was written', () => {
  const tensors: Tensor[] = [
    { dtype: 'f64', shape: [], data: Float64Array.of(Math.PI) },
    { dtype: 'f16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
    { dtype: 'i64', shape: [1, 2], data: BigInt64Array.of(-1n, 2n ** 40n) },
    { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    { dtype: 'i8', shape: [1], data: Int8Array.of(-128) },
  ]
  for (const tensor of tensors) expect(parseNpy(encodeNpy(tensor), 'a.npy')).toEqual(tensor)
})

test('several samples with several inputs come back exactly: batches, states, scalars, numbers and names', async () => {
  const graph = parseGraph(`graph g(%x: f32[N,2,3], %state: f32[2,1,2], %sr: i64[], %row: u8[N]) { return %x }`)
  const feeds: Tensors[] = [0, 1, 2].map(
    (i) =>
      new Map<string, Tensor>([
        ['x', counted([1, 2, 3], 10 * i)],
        ['state', counted([2, 1, 2], 100 * i)],
        ['sr', { dtype: 'i64', shape: [], data: BigInt64Array.of(16000n + BigInt(i)) }],
        ['row', { dtype: 'u8', shape: [4], data: Uint8Array.of(i, 1, 2, 3) }],
      ]),
  )
  expect(await again(graph, feeds)).toEqual(feeds)
  expect(parseNpz(encodeNpz(feeds), 'a.npz').get('x')!.shape).toEqual([3, 2, 3])
})

test('whatever the model declares of a shape, its samples come back', async () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.boolean()),
      async (shape, n, free) => {
        const declared = shape.map((extent, axis) => (free.next().value ? `D${axis}` : extent))
        const feeds = Array.from({ length: n }, (_, i) => new Map([['x', counted(shape, i)]]))
        expect(await again(parseGraph(`graph g(%x: f32[${declared}]) { return %x }`), feeds)).toEqual(feeds)
      },
    ),
  )
})

test('bf16 goes through float32 and comes back', async () => {
  const graph = parseGraph('graph g(%x: bf16[N,2]) { return %x }')
  const feeds = [
    new Map<string, Tensor>([['x', { dtype: 'bf16', shape: [1, 2], data: Uint16Array.of(0x3f80, 0xc12f) }]]),
  ]
  expect(await again(graph, feeds)).toEqual(feeds)
})

test('the same samples give the same bytes, whenever they are written', () => {
  onTestFinished(() => void vi.useRealTimers())

  const feeds = [new Map([['x', counted([1, 5], 0)]])]
  const first = encodeNpz(feeds)
  vi.useFakeTimers({ now: Date.now() + 1e9 })
  expect(encodeNpz(feeds)).toEqual(first)
})

test('samples that do not belong together, or that no .npz holds, are refused by name', () => {
  const x = (shape: number[]) => new Map([['x', counted(shape, 0)]])
  const mismatch = (message: string) => expect.objectContaining({ code: 'DATA_MISMATCH', message })
  expect(() => encodeNpz([])).toThrow(expect.objectContaining({ code: 'DATA_EMPTY' }))
  expect(() => encodeNpz([x([1, 2]), x([1, 3])])).toThrow(
    mismatch('Input "x" is f32 [1,3] in sample 1, but f32 [1,2] in sample 0.'),
  )
  expect(() => encodeNpz([x([1]), new Map([['y', counted([1], 0)]])])).toThrow(
    mismatch('Sample 1 has the inputs y, but sample 0 has x.'),
  )
  expect(() => encodeNpz([new Map([['x', { dtype: 'string', shape: [1], data: ['a'] }]])])).toThrow(
    mismatch('Input "x" is string, which a .npz cannot hold.'),
  )
  const huge: Tensor = { dtype: 'f32', shape: [1, 2 ** 30], data: new Float32Array() }
  expect(() => encodeNpz([new Map([['x', huge]])])).toThrow(
    mismatch('1 samples have 4294967296 bytes, too many for a .npz.'),
  )
})
