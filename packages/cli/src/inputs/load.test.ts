import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseGraph, type Tensor, type Tensors } from '@mixbit/graph'
import { encodeNpz } from '@mixbit/inputs'
import { expect, test } from 'vitest'
import { emptyFolder } from '../testing/folder.ts'
import { loadInputs } from './load.ts'

test('the .npz that a page downloads feeds exactly what the page fed', async () => {
  const graph = parseGraph('graph g(%pixels: f32[N,3,2,2], %mask: i64[N,4], %rate: f32[]) { return %pixels }')
  const feeds: Tensors[] = [1, 2, 3].map(
    (n) =>
      new Map<string, Tensor>([
        // Numbers that no shorter text holds: any rounding on the way would show.
        [
          'pixels',
          { dtype: 'f32', shape: [1, 3, 2, 2], data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i * n) / 3) },
        ],
        ['mask', { dtype: 'i64', shape: [1, 4], data: BigInt64Array.of(1n, 0n, BigInt(n), -(2n ** 62n)) }],
        ['rate', { dtype: 'f32', shape: [], data: Float32Array.of(n / 7) }],
      ]),
  )
  const source = join(await emptyFolder(), 'inputs.npz')
  await writeFile(source, encodeNpz(feeds))
  expect((await loadInputs(graph, { source })).feeds).toEqual(feeds)
  expect((await loadInputs(graph, { source, samples: 2 })).feeds).toEqual(feeds.slice(0, 2))
})

test('a path where nothing is says so', async () => {
  const graph = parseGraph('graph g(%x: f32[N,2]) { return %x }')
  await expect(loadInputs(graph, { source: join(await emptyFolder(), 'none.npy') })).rejects.toMatchObject({
    code: 'DATA_NOT_FOUND',
  })
})
