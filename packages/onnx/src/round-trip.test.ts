import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Graph, sizeOf, type Tensor, type Tensors, type Value, verify } from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import { onnx } from './adapter.ts'

const folder = '../shared/models'
const paths = existsSync(folder)
  ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.onnx'))
      .sort()
  : []

/** Symbolic extents that models cannot do without. */
const extents: Readonly<Record<string, readonly number[]>> = {
  magika_v3_3: [1, 2048],
  ppocr_cls: [1, 3, 48, 192],
  yunet: [1, 3, 320, 320],
  silero_vad: [1, 576],
}

function valueFor(path: string, { dtype, shape = [], id }: Value): Tensor {
  const known =
    shape.some((dim) => typeof dim === 'string') && id !== 'state' ? extents[path.split('/')[0] ?? ''] : undefined
  const dims = shape.map((dim, i) =>
    typeof dim === 'number'
      ? dim
      : (known?.[i] ?? (i === 0 || id === 'state' ? 1 : dim === 'T' ? 7 : /[tT]/.test(dim) ? 7 : 32)),
  )
  const n = sizeOf(dims)
  if (dtype === 'i64')
    return {
      dtype,
      shape: dims,
      data: BigInt64Array.from({ length: n }, (_, i) => (id === 'sr' ? 16000n : BigInt((i * 7) % 3))),
    }
  if (dtype === 'i32') return { dtype, shape: dims, data: Int32Array.from({ length: n }, (_, i) => (i * 31) % 257) }
  return { dtype: 'f32', shape: dims, data: Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898 + 1)) }
}

const feedsOf = (path: string, graph: Graph): Tensors =>
  new Map(graph.inputs.map((id) => [id, valueFor(path, graph.values.get(id) as Value)]))

describe.skipIf(paths.length === 0)('reading and writing without quantization', () => {
  for (const path of paths)
    test(`${path} gives the same bits`, async () => {
      const { readFile } = await import('node:fs/promises')
      const adapter = onnx()
      const graph = await adapter.read(join(folder, path))
      verify(graph)
      const feeds = feedsOf(path, graph)
      const before = await adapter.open!(new Uint8Array(await readFile(join(folder, path))))
      const after = await adapter.open!(await adapter.write!(graph))
      const [expected, actual] = [await before.run(feeds), await after.run(feeds)]
      expect([...actual.keys()]).toEqual([...expected.keys()])
      for (const [id, tensor] of expected) expect(actual.get(id)).toEqual(tensor)
      await before.dispose()
      await after.dispose()
      const compiled = await adapter.compile(graph, graph.outputs)
      expect((await compiled.run(feeds)).size).toBe(expected.size)
      await compiled.dispose()
    })
})
