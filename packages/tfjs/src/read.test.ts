import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { withSession } from '@mixbit/adapter'
import {
  foldBatchNorm,
  foldConstants,
  type Graph,
  printGraph,
  rewrite,
  sizeOf,
  type Tensor,
  type Tensors,
  toF32,
} from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import { tfjs } from './adapter.ts'
import type { TfTensor } from './runtime.ts'
import { readFiles, type TfjsFiles } from './source.ts'
import {
  convGraph,
  convLayers,
  embeddingLayers,
  graphModel,
  loopGraph,
  recurrentLayers,
  runtime,
  tensor,
  wordGraph,
} from './tiny-models.ts'

const adapter = tfjs()
const weightsOf = (graph: Graph) =>
  graph.nodes.flatMap(({ kind, op, inputs, weights }) =>
    weights.map(({ input, axis }) => [kind, op, `${graph.values.get(inputs[input]!)!.tensor!.shape}@${axis}`]),
  )

/** The weights of a model, joined as TF.js wants them. */
const concatenated = (files: TfjsFiles, paths: readonly string[]) =>
  new Uint8Array(Buffer.concat(paths.map((path) => files.get(path)!))).buffer

/** What TF.js itself computes, with its own decoding and its own models. */
async function expected(
  files: TfjsFiles,
  feeds: Tensors,
  outputs: readonly string[],
  backend = 'wasm',
): Promise<Float32Array[]> {
  const tf = await runtime()
  await tf.setBackend(backend)
  const json = JSON.parse(new TextDecoder().decode(files.get('model.json')!))
  const [{ paths, weights }] = json.weightsManifest
  const handler = { load: async () => ({ ...json, weightSpecs: weights, weightData: concatenated(files, paths) }) }
  const inputs = Object.fromEntries(
    [...feeds].map(([id, { data, shape, dtype }]) => [
      id,
      tf.tensor(data, shape, dtype === 'f32' ? 'float32' : 'int32'),
    ]),
  )
  const isGraph = 'node' in json.modelTopology
  const model = isGraph ? await tf.loadGraphModel(handler) : await tf.loadLayersModel(handler)
  const results = isGraph
    ? await (model as { executeAsync(x: object, names: readonly string[]): Promise<unknown> }).executeAsync(
        inputs,
        outputs,
      )
    : (model as unknown as { predict(x: unknown): unknown }).predict(Object.values(inputs)[0])
  return Promise.all(
    ([results].flat() as TfTensor[]).map(async (y) => Float32Array.from((await y.data()) as Float32Array)),
  )
}

async function agrees(files: TfjsFiles, feeds: Tensors, source: Parameters<typeof adapter.read>[0] = files) {
  const graph = await adapter.read(source)
  const known = await expected(files, feeds, graph.outputs)
  const outputs = await withSession(adapter, graph, graph.outputs, (session) => session.run(feeds))
  for (const [i, id] of graph.outputs.entries()) {
    const [y, mine] = [known[i]!, toNumbers(outputs.get(id)!)]
    expect(mine.length).toBe(y.length)
    const most = y.reduce((worst, x, k) => Math.max(worst, Math.abs(x - mine[k]!) / (1 + Math.abs(x))), 0)
    expect(most, `output ${id}`).toBeLessThan(1e-5)
  }
  return graph
}
const toNumbers = (t: Tensor) => (t.dtype === 'f32' ? toF32(t) : Float32Array.from(t.data as Int32Array))

const feed = (id: string, value: Tensor): Tensors => new Map([[id, value]])
const ids = (shape: number[], most: number): Tensor => ({
  dtype: 'i32',
  shape,
  data: Int32Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7) % most),
})

describe('what is read computes what TF.js computes', () => {
  test('a graph model', async () => {
    await agrees(convGraph(), feed('x', tensor([2, 8, 8, 3], 3)))
  })
  test('control flow, an embedding, an Einsum (on the backend that has it)', async () => {
    await agrees(loopGraph(), feed('x', tensor([1, 4], 5)))
    const fed = feed('ids', ids([1, 3], 20))
    const [y] = await expected(wordGraph(), fed, ['y'], 'cpu')
    const [wasm] = (await withSession(adapter, await adapter.read(wordGraph()), ['y'], (s) => s.run(fed))).values()
    for (const [i, x] of toF32(wasm!).entries()) expect(x).toBeCloseTo(y![i]!, 5)
  })
  test('layers models', async () => {
    await agrees(await convLayers(), feed('x', tensor([2, 8, 8, 3], 3)))
    await agrees(await embeddingLayers(), feed('ids', ids([2, 4], 20)))
    await agrees(await recurrentLayers(), feed('conv_input', tensor([2, 9, 5], 3)))
  })

  const shared = (path: string) => join('../shared/models', path)
  for (const [path, id, value] of [
    ['mobilenet_v1_025_224/tfjs/model.json', 'input_2', tensor([1, 224, 224, 3], 1)],
    ['tfjs_human/blazeface.json', 'input', tensor([1, 256, 256, 3], 1)],
    ['tfjs_human/emotion.json', 'input_1', tensor([1, 64, 64, 1], 1)],
    ['tfjs_human/handtrack.json', 'input_tensor', ids([1, 320, 320, 3], 256)],
  ] as const)
    test.skipIf(!existsSync(shared(path)))(`the shared model ${path}`, async () => {
      await agrees(await readFiles(shared(path)), feed(id, value), shared(path))
    })
})

describe('quantizable weights, their kinds and output axes', () => {
  test('of a graph model', async () => {
    expect(weightsOf(await adapter.read(convGraph()))).toEqual([
      ['conv', '_FusedConv2D', '3,3,3,8@3'],
      ['conv', 'Conv2D', '1,1,8,6@3'],
      ['conv', '_FusedConv2D', '3,3,6,8@3'],
      ['depthwiseConv', 'FusedDepthwiseConv2dNative', '3,3,8,1@2'],
      ['depthwiseConv', 'DepthwiseConv2dNative', '3,3,8,2@2'],
      ['convTranspose', 'Conv2DBackpropInput', '3,3,8,16@2'],
      ['dense', '_FusedMatMul', '8,5@1'],
    ])
    expect(weightsOf(await adapter.read(wordGraph()))).toEqual([
      ['embedding', 'GatherV2', '20,12@1'],
      ['dense', 'BatchMatMulV2', '12,7@1'],
      ['dense', 'MatMul', '7,9@1'],
    ])
  })

  test('of layers models, a shared layer twice', async () => {
    expect(
      weightsOf(await adapter.read(await convLayers())).map(([kind, op, where]) => `${kind} ${op} ${where}`),
    ).toEqual([
      'conv Conv2D 3,3,3,8@3',
      'depthwiseConv DepthwiseConv2D 3,3,8,2@2',
      'conv SeparableConv2D 3,3,16,1@2',
      'conv SeparableConv2D 1,1,16,8@3',
      'convTranspose Conv2DTranspose 2,2,4,8@2',
      'conv Conv2D 1,1,4,4@3',
      'conv Conv2D 1,1,4,4@3',
      'dense Dense 8,10@1',
    ])
    expect(weightsOf(await adapter.read(await recurrentLayers())).map(([kind]) => kind)).toEqual([
      'conv',
      ...Array(6).fill('recurrent'),
      'dense',
    ])
  })
})

test('a loop and a conditional are one opaque node each, and go back as they came', async () => {
  const loop = await adapter.read(loopGraph())
  expect(loop.nodes.map(({ op }) => op)).toEqual(['MatMul', 'Subgraph', 'MatMul'])
  const words = await adapter.read(wordGraph())
  expect(words.nodes.filter(({ op }) => op === 'Subgraph')).toHaveLength(1)
  const json = JSON.parse(new TextDecoder().decode((await adapter.write!(loop)).get('model.json')!))
  const ops = json.modelTopology.node.map(({ op }: { op: string }) => op)
  for (const op of ['Enter', 'Merge', 'LoopCond', 'Switch', 'NextIteration', 'Exit']) expect(ops).toContain(op)
})

test('batch norms are folded in either form, and the folded model computes the same', async () => {
  for (const files of [convGraph(), await convLayers()]) {
    const graph = await adapter.read(files)
    const folded = rewrite(graph, [foldConstants, foldBatchNorm])
    expect(folded.nodes.filter(({ kind }) => kind === 'batchNorm')).toHaveLength(0)
    const x = feed('x', tensor([2, 8, 8, 3], 3))
    const before = await withSession(adapter, graph, graph.outputs, (session) => session.run(x))
    const opened = await adapter.open!(await adapter.write!(folded))
    const after = await opened.run(x)
    await opened.dispose()
    for (const id of graph.outputs)
      for (const [i, y] of toF32(before.get(id)!).entries()) expect(toF32(after.get(id)!)[i]).toBeCloseTo(y, 4)
  }
})

test('weights that the file has in 8 and 16 bits are read as TF.js reads them, and go back as they came', async () => {
  const files = graphModel({ x: ['DT_FLOAT', -1, 4] }, [['y', 'MatMul', ['x', 'w']]], { w: tensor([4, 3], 1) }, ['y'])
  const json = JSON.parse(new TextDecoder().decode(files.get('model.json')!))
  const shard = 'group1-shard1of1.bin'
  for (const [dtype, bytes] of [
    ['uint8', new Uint8Array(12).map((_, i) => i * 20)],
    ['uint16', new Uint8Array(Uint16Array.from({ length: 12 }, (_, i) => i * 5000).buffer)],
    ['float16', new Uint8Array(Uint16Array.from({ length: 12 }, (_, i) => 0x3c00 + i * 16).buffer)],
  ] as const) {
    json.weightsManifest[0].weights[0].quantization = {
      dtype,
      ...(dtype !== 'float16' && { scale: 0.01, min: -1, original_dtype: 'float32' }),
    }
    const { mixbit: _, ...plain } = json
    const model = new Map([
      ['model.json', new TextEncoder().encode(JSON.stringify(plain))],
      [shard, bytes],
    ])
    const graph = await agrees(model, feed('x', tensor([2, 4], 2)))
    expect((await adapter.write!(graph)).get(shard)).toEqual(bytes)
  }
})

test('models come as files, folders, handlers and artifacts', async () => {
  const files = convGraph()
  const json = JSON.parse(new TextDecoder().decode(files.get('model.json')!))
  const [{ paths, weights }] = json.weightsManifest
  const artifacts = { ...json, weightSpecs: weights, weightData: concatenated(files, paths) }
  const text = printGraph(await adapter.read(files))
  for (const source of [artifacts, { load: async () => artifacts }])
    expect(printGraph(await adapter.read(source))).toBe(text)
  const demo = 'examples/demo/model/tfjs/model.json'
  expect(printGraph(await adapter.read(demo))).toBe(printGraph(await adapter.read(dirname(demo))))
  expect(readFileSync(demo).length).toBeGreaterThan(basename(demo).length)
})

test('a model that the wasm backend cannot run falls back to cpu, once and with a warning', async () => {
  const warnings: string[] = []
  const careful = tfjs({ onWarning: (text) => warnings.push(text) })
  // Einsum with a sum over two axes: no matrix product.
  const files = graphModel(
    { x: ['DT_FLOAT', 2, 3, 4] },
    [['y', 'Einsum', ['x', 'w'], { equation: { s: btoa('abc,bcd->ad') }, N: { i: '2' } }]],
    { w: tensor([3, 4, 5], 1) },
    ['y'],
  )
  const graph = await careful.read(files)
  for (let i = 0; i < 2; i++) {
    const y = await withSession(careful, graph, ['y'], (session) => session.run(feed('x', tensor([2, 3, 4], 2))))
    expect(y.get('y')!.shape).toEqual([2, 5])
  }
  expect(warnings).toEqual([expect.stringMatching(/wasm.*Einsum.*cpu/)])
})

test('says what to install when there is no runtime', async () => {
  const without = tfjs({ runtime: () => Promise.reject(new Error('Cannot find package')) })
  const graph = await without.read(convGraph())
  await expect(without.compile(graph, graph.outputs)).rejects.toMatchObject({
    code: 'TFJS_RUNTIME_MISSING',
    hint: expect.stringContaining('tfjs-core'),
  })
})
