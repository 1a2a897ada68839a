import { f16ToF32, f32ToF16, type Graph, type Grid, parseGraph, type Tensor, toF32, type Value } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { onnx } from '../adapter.ts'
import { encodeOnnx } from '../encode.ts'
import { lowerStorage } from './lower.ts'
import { sharedBytes, storedBytes } from './stored-bytes.ts'

const adapter = onnx({ threads: 1 })

/** Pseudo-random codes of a width. */
const codes = (count: number, levels: number) =>
  Int32Array.from({ length: count }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 12) % levels)

/** A weight on a grid of every possible code. */
function weightOn(shape: readonly number[], bits: number, levels?: Int8Array): { tensor: Tensor; grid: Grid } {
  const scale = f16ToF32(f32ToF16(Float32Array.from({ length: shape[0]! }, (_, i) => 0.01 * (i + 1))))
  const size = shape.reduce((a, b) => a * b, 1)
  const count = levels?.length ?? 2 ** bits
  const integers = codes(size, count).map((code) => (levels ? levels[code]! : code - 2 ** (bits - 1)))
  const data = Float32Array.from(integers, (q, i) => q * scale[Math.floor(i / (size / shape[0]!))]!)
  const grid = {
    bits,
    signed: true,
    axis: 0,
    scale,
    zeroPoint: new Int32Array(scale.length),
    ...(levels && { levels }),
  }
  return { tensor: { dtype: 'f32', shape, data }, grid }
}

/** A convolution with that weight, weight-only or between uint8 activations. */
async function convolution(opset: number, stored: { tensor: Tensor; grid: Grid }, quantized: boolean): Promise<Graph> {
  const { tensor, grid } = stored
  const [outputs, inputs] = tensor.shape as [number, number]
  const activation = 'fakeQuantize FakeQuantize'
  const text = `graph g(%x: f32[1,${inputs},5,5]) {
    %w: f32[${tensor.shape}] = constant(splat 0)
    ${quantized ? `%xq: f32[1,${inputs},5,5] = ${activation}(%x) grid=u8[0.03; 128]` : ''}
    %y: f32[1,${outputs},3,3] = conv Conv(%${quantized ? 'xq' : 'x'}, %w) {strides=[1,1]} weights=[1@0]
    ${quantized ? `%yq: f32[1,${outputs},3,3] = ${activation}(%y) grid=u8[0.5; 128]` : ''}
    return %${quantized ? 'yq' : 'y'} }`
  const graph = parseGraph(text)
  const weight: Value = { id: 'w', dtype: 'f32', shape: tensor.shape, tensor, stored: grid }
  return { ...graph, values: new Map(graph.values).set('w', weight), meta: { opsets: { '': opset }, irVersion: 10 } }
}

const input = (channels: number): Tensor => ({
  dtype: 'f32',
  shape: [1, channels, 5, 5],
  data: Float32Array.from({ length: channels * 25 }, (_, i) => Math.sin(i)),
})

const tables: Readonly<Record<number, Int8Array>> = {
  1: Int8Array.of(-1, 1),
  2: Int8Array.of(-127, -20, 33, 120),
  3: Int8Array.of(-7, -5, -3, -1, 1, 3, 5),
  4: Int8Array.from({ length: 16 }, (_, i) => 2 * i - 15),
  5: Int8Array.from({ length: 32 }, (_, i) => 2 * i - 31),
}

for (const opset of [8, 13, 21, 25])
  for (const bits of [1, 2, 3, 4, 5, 6, 7, 8])
    test(`${bits} bits in opset ${opset} compute what was simulated, plain and with a table, for any number of weights`, async () => {
      for (const shape of [
        [32, 3, 3, 3],
        [5, 1, 3, 3],
        [1, 1, 1, 1],
      ])
        for (const levels of [undefined, tables[bits]]) {
          const graph = await convolution(opset, weightOn(shape, bits, levels), false)
          const feeds = new Map([['x', input(shape[1]!)]])
          const simulated = await adapter.compile(graph, graph.outputs)
          const written = await adapter.open!(await adapter.write!(graph))
          const [expected, actual] = [await simulated.run(feeds), await written.run(feeds)]
          const [e, a] = [expected, actual].map((result) => toF32([...result.values()][0]!))
          for (let i = 0; i < e!.length; i++)
            expect(Math.abs(a![i]! - e![i]!)).toBeLessThan(1e-5 * (1 + Math.abs(e![i]!)))
          await simulated.dispose()
          await written.dispose()
        }
    })

test('between uint8 activations every width and table gives the integers of the fused kernel', async () => {
  for (const bits of [1, 2, 3, 4, 5, 6, 7, 8])
    for (const levels of [undefined, tables[bits]]) {
      const graph = await convolution(13, weightOn([32, 3, 3, 3], bits, levels), true)
      const feeds = new Map([['x', input(3)]])
      const simulated = await adapter.compile(graph, graph.outputs)
      const written = await adapter.open!(await adapter.write!(graph))
      const [e, a] = [await simulated.run(feeds), await written.run(feeds)].map((r) => toF32([...r.values()][0]!))
      // One step of the last activation: sums of integers and of floats fall on different sides of a tie.
      for (let i = 0; i < e!.length; i++) expect(Math.abs(a![i]! - e![i]!)).toBeLessThanOrEqual(0.5)
      await simulated.dispose()
      await written.dispose()
    }
})

test('predicted bytes of every width and table are within two in a hundred of the file, and 60 bytes', async () => {
  for (const bits of [1, 2, 3, 4, 5, 6, 7, 8])
    for (const levels of [undefined, tables[bits]])
      for (const quantized of [false, true]) {
        const stored = weightOn([64, 16, 3, 3], bits, levels)
        const graph = await convolution(13, stored, quantized)
        const empty = weightOn([64, 16, 3, 3], 8)
        const base =
          encodeOnnx(lowerStorage(await convolution(13, empty, quantized))).length -
          storedBytes(empty.tensor, empty.grid)
        const bytes = encodeOnnx(lowerStorage(graph)).length
        const predicted = base + storedBytes(stored.tensor, stored.grid) + sharedBytes([stored])
        expect(Math.abs(predicted - bytes), `${bits} bits, ${levels ?? 'plain'}`).toBeLessThan(0.02 * bytes + 60)
      }
})
