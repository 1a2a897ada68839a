import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Grid, MixbitError, sizeOf, type Value } from '@mixbit/graph'
import { build } from 'tsdown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tfjs } from './adapter.ts'
import { crc32 } from './loader/checksum.ts'
import { elements, type Packing, unpack } from './loader/unpack.ts'
import { mixbitHandler } from './loader.ts'
import type { TfjsFiles } from './source.ts'
import { convGraph, convLayers, runtime, tensor } from './tiny-models.ts'
import { storedBytes, storedWeight } from './write/weight.ts'

const none = { raw: new Map() }

/** Numbers on a grid, by the definition of a grid. */
function onGrid(shape: readonly number[], grid: Grid, seed: number): Value {
  const low = grid.signed ? -(2 ** (grid.bits - 1)) : 0
  const inner = grid.axis === null ? 1 : sizeOf(shape.slice(grid.axis + 1))
  const codes = (tensor(shape, seed).data as Float32Array).map((x) => Math.floor(((x + 1) / 2) * 2 ** grid.bits) + low)
  const data = codes.map((q, i) => {
    const c = Math.floor(i / inner) % grid.scale.length
    return Math.fround((q - grid.zeroPoint[c]!) * grid.scale[c]!)
  })
  return { id: 'w', dtype: 'f32', shape, tensor: { dtype: 'f32', shape, data }, stored: grid }
}

const scales = (count: number) => Float32Array.from({ length: count }, (_, i) => 0.01 * (i + 1))

describe('packed weights', () => {
  for (const bits of [2, 3, 4, 5, 6, 7, 8, 9, 12, 16])
    for (const [what, shape, axis, signed, zeros] of [
      ['per channel, last axis', [3, 3, 5, 7], 3, true, 0],
      ['per channel, first axis', [5, 9], 0, true, 0],
      ['per channel, an axis within', [3, 3, 4, 2], 2, false, 1],
      ['per tensor', [11, 3], null, false, 3],
      ['one element', [1], null, true, 0],
    ] as const)
      test(`${bits} bits ${what}: unpacking gives the very numbers, in the predicted bytes`, () => {
        const count = axis === null ? 1 : shape[axis]!
        const zeroPoint = Int32Array.from({ length: count }, (_, i) => (zeros === 1 ? i : zeros))
        const grid: Grid = { bits, signed, axis, scale: scales(count), zeroPoint }
        const value = onGrid(shape, grid, bits)
        const { spec, bytes } = storedWeight('w', value, none, 'packed')
        const text = JSON.stringify({ ...spec, name: '' })
        expect(bytes.length + text.length).toBe(storedBytes(value.tensor!, grid, 'packed'))
        const quantization = spec.quantization as Packing & { dtype: string; scale: number; min: number }
        if (quantization.dtype === 'mixbit') expect(unpack(quantization, shape, bytes)).toEqual(value.tensor!.data)
        else {
          // What TF.js itself does with uint8 and uint16.
          const codes = quantization.dtype === 'uint8' ? bytes : new Uint16Array(bytes.slice().buffer)
          expect(Float32Array.from(codes, (q) => q * quantization.scale + quantization.min)).toEqual(value.tensor!.data)
          expect(bits === 8 || bits === 16).toBe(true)
        }
      })

  test('bytes that begin anywhere are read', () => {
    const grid: Grid = { bits: 4, signed: true, axis: 1, scale: scales(3), zeroPoint: new Int32Array(3) }
    const value = onGrid([5, 3], grid, 1)
    const { spec, bytes } = storedWeight('w', value, none, 'packed')
    const moved = new Uint8Array(bytes.length + 3)
    moved.set(bytes, 3)
    expect(unpack(spec.quantization as never, [5, 3], moved.subarray(3))).toEqual(value.tensor!.data)
    expect(elements([])).toBe(1)
  })

  test('a grid for each channel has no place in the standard manifest', () => {
    const grid: Grid = { bits: 4, signed: true, axis: 1, scale: scales(3), zeroPoint: new Int32Array(3) }
    expect(() => storedWeight('w', onGrid([5, 3], grid, 1), none, 'standard')).toThrow(
      expect.objectContaining({ code: 'TFJS_STANDARD_GRID' }),
    )
  })
})

test('the checksum is that of zip and png', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
})

/** A model.json that a test may damage. */
interface Json {
  modelTopology?: object
  mixbit?: { version: number }
  weightsManifest: {
    paths: string[]
    weights: {
      name: string
      dtype: string
      shape: number[]
      quantization?: { dtype: string; bits: number; axis: number }
    }[]
  }[]
}

/** The first model with its weights at 4 bits, per channel. */
async function packedFiles(source: TfjsFiles): Promise<TfjsFiles> {
  const adapter = tfjs()
  const graph = await adapter.read(source)
  const weights = graph.nodes.flatMap((node) =>
    node.weights.map(({ input, axis }) => ({ id: node.inputs[input]!, axis })),
  )
  const values = new Map(graph.values)
  for (const [i, { id, axis }] of weights.entries()) {
    const { shape } = values.get(id)!.tensor!
    const count = shape[axis]!
    const grid: Grid = { bits: 4, signed: true, axis, scale: scales(count), zeroPoint: new Int32Array(count) }
    values.set(id, { ...onGrid(shape, grid, i), id })
  }
  return adapter.write!({ ...graph, values })
}

describe('loading over HTTP', () => {
  let files: TfjsFiles
  let layers: TfjsFiles
  const server = createServer((request, response) => {
    const [, folder, name = ''] = request.url!.split('/')
    const body = (folder === 'layers' ? layers : files).get(name)
    if (body) response.end(body)
    else response.writeHead(404).end()
  })
  const address = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`
  beforeAll(async () => {
    files = await packedFiles(convGraph())
    layers = await packedFiles(await convLayers())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => server.close())

  test('graph models and layers models load in TF.js, and give what the files hold', async () => {
    const tf = await runtime()
    const adapter = tfjs()
    const x = new Map([['x', tensor([2, 8, 8, 3], 3)]])
    for (const [kind, from] of [
      ['graph', files],
      ['layers', layers],
    ] as const) {
      const handler = mixbitHandler(address(`${kind}/model.json`))
      const model = kind === 'graph' ? await tf.loadGraphModel(handler) : await tf.loadLayersModel(handler)
      const input = tf.tensor(x.get('x')!.data, [2, 8, 8, 3], 'float32')
      const predict = (model as unknown as { predict(x: unknown): unknown }).predict(input)
      const output = ([predict].flat() as { data(): Promise<Float32Array> }[])[0]!
      const graph = await adapter.read(from)
      const session = await adapter.compile(graph, graph.outputs)
      const expected = (await session.run(x)).get(graph.outputs[0]!)!
      expect([...(await output.data())]).toHaveLength(expected.data.length)
      for (const [i, y] of (await output.data()).entries()) expect(y).toBeCloseTo(expected.data[i] as number, 6)
      await session.dispose()
    }
  })

  test('an address without a model is named', async () => {
    await expect(mixbitHandler(address('graph/none/model.json')).load()).rejects.toMatchObject({
      code: 'TFJS_NOT_FOUND',
    })
  })
})

test('files that come as Buffers of Node, which share their memory, give the same weights', async () => {
  const files = await packedFiles(await convLayers())
  const weights = async (read: (bytes: Uint8Array) => Uint8Array) => {
    const handler = mixbitHandler(async (path) => read(files.get(path)!))
    const { weightData } = (await handler.load()) as { weightData: ArrayBuffer[] }
    return weightData.map((buffer) => new Uint8Array(buffer))
  }
  expect(await weights((bytes) => Buffer.from(bytes))).toEqual(await weights((bytes) => bytes))
})

describe('bad input', () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  const shard = 'group1-shard1of1.bin'
  const edit = (files: TfjsFiles, change: (json: Json) => unknown) => {
    const json = JSON.parse(text(files.get('model.json')!))
    change(json)
    return new Map(files).set('model.json', new TextEncoder().encode(JSON.stringify(json)))
  }
  const weight = ({ weightsManifest }: Json) => weightsManifest[0]!.weights.find(({ quantization }) => quantization)!
  const without = (files: TfjsFiles, name: string) => new Map([...files].filter(([path]) => path !== name))
  const raw = (files: TfjsFiles, from: string, to: string) =>
    new Map(files).set('model.json', new TextEncoder().encode(text(files.get('model.json')!).replace(from, to)))

  const cases: Record<string, [code: string, (files: TfjsFiles) => TfjsFiles]> = {
    'a missing shard': ['TFJS_SHARD_MISSING', (files) => without(files, shard)],
    'a missing model.json': ['TFJS_NOT_FOUND', (files) => without(files, 'model.json')],
    'a truncated shard': ['TFJS_CHECKSUM', (files) => new Map(files).set(shard, files.get(shard)!.slice(0, -5))],
    'a truncated shard without a checksum': [
      'TFJS_UNREADABLE',
      (files) => edit(new Map(files).set(shard, files.get(shard)!.slice(0, -5)), (json) => delete json.mixbit),
    ],
    'a shard with more bytes than weights': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(new Map(files).set(shard, new Uint8Array([...files.get(shard)!, 1])), (json) => delete json.mixbit),
    ],
    'a flipped bit': [
      'TFJS_CHECKSUM',
      (files) =>
        new Map(files).set(
          shard,
          files.get(shard)!.map((byte, i) => (i === 99 ? byte ^ 4 : byte)),
        ),
    ],
    'an unknown dtype': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          json.weightsManifest[0]!.weights[0]!.dtype = 'float8'
        }),
    ],
    'an unknown quantization': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          weight(json).quantization!.dtype = 'toString'
        }),
    ],
    'packed in 40 bits': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          weight(json).quantization!.bits = 40
        }),
    ],
    'an axis that is not there': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          weight(json).quantization!.axis = 9
        }),
    ],
    'an absurd shape': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          weight(json).shape = [1e9, 1e9]
        }),
    ],
    'a negative shape': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          weight(json).shape = [-1]
        }),
    ],
    'a huge shape that fits no shard': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          weight(json).shape = [3, 3, 1e7, 8]
        }),
    ],
    'a name that pollutes prototypes': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          weight(json).name = '__proto__'
        }),
    ],
    'a key that pollutes prototypes': [
      'TFJS_UNREADABLE',
      (files) => raw(files, '{', '{"__proto__":{"polluted":true},'),
    ],
    'a path out of the folder': [
      'TFJS_PATH',
      (files) =>
        edit(files, (json) => {
          json.weightsManifest[0]!.paths = ['../secret.bin']
        }),
    ],
    'an absolute path': [
      'TFJS_PATH',
      (files) =>
        edit(files, (json) => {
          json.weightsManifest[0]!.paths = ['/etc/passwd']
        }),
    ],
    'a newer format': [
      'TFJS_VERSION',
      (files) =>
        edit(files, (json) => {
          json.mixbit!.version = 2
        }),
    ],
    'no topology': ['TFJS_UNREADABLE', (files) => edit(files, (json) => delete json.modelTopology)],
    'a manifest that is no list': [
      'TFJS_UNREADABLE',
      (files) =>
        edit(files, (json) => {
          json.weightsManifest = { length: 1 } as never
        }),
    ],
    'half a JSON': [
      'TFJS_UNREADABLE',
      (files) => new Map(files).set('model.json', files.get('model.json')!.slice(0, 100)),
    ],
  }

  for (const [what, [code, damage]] of Object.entries(cases))
    test(`${what} is ${code}, for the loader and for the adapter`, async () => {
      const files = damage(await packedFiles(convGraph()))
      const load = async () => {
        const artifacts = (await mixbitHandler(async (path) => {
          const file = files.get(path)
          if (!file) throw new Error('it is not there')
          return file
        }).load()) as { getWeightStream(): ReadableStream }
        const reader = artifacts.getWeightStream().getReader()
        while (!(await reader.read()).done);
      }
      await expect(load()).rejects.toMatchObject({ name: 'MixbitError', code, hint: expect.stringMatching(/.{10}/) })
      await expect(load()).rejects.toBeInstanceOf(MixbitError)
      await expect(tfjs().read(files)).rejects.toMatchObject({ code })
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    })
})

test('the loader needs nothing and is at most 4 kB gzipped', async () => {
  const outDir = mkdtempSync(join(tmpdir(), 'mixbit-loader-'))
  const entry = new URL('./loader.ts', import.meta.url).pathname
  await build({
    entry: [entry],
    outDir,
    format: 'esm',
    dts: false,
    minify: true,
    platform: 'neutral',
    logLevel: 'silent',
    config: false,
  })
  const code = readdirSync(outDir)
    .map((file) => readFileSync(join(outDir, file), 'utf8'))
    .join('')
  rmSync(outDir, { recursive: true })
  expect(code).not.toMatch(/\bimport\b|\brequire\b/)
  expect(gzipSync(code).length).toBeLessThanOrEqual(4096)
})
