import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { testAdapter } from '@mixbit/adapter/testing'
import { MixbitError, type Tensor } from '@mixbit/graph'
import { afterAll, describe, expect, test } from 'vitest'
import { onnx } from './adapter.ts'
import { ModelProtoSchema, type NodeProto, NodeProtoSchema, TensorProto_DataLocation } from './gen/onnx_pb.ts'
import { convNet, modelOf, tensor } from './tiny-models.ts'

const adapter = onnx()
const feeds = (...entries: [string, Tensor][]) => new Map(entries)

const recurrent = modelOf(
  `graph rnn(%x: f32[T,1,6], %w: f32[1,32,6], %r: f32[1,32,8]) {
    %y: f32[T,1,1,8] = LSTM(%x, %w, %r) {hidden_size=8}
    return %y
  }`,
  { w: [1, 32, 6], r: [1, 32, 8] },
)
const embedding = modelOf(
  `graph words(%ids: i64[N,T], %table: f32[20,12], %w: f32[12,7]) {
    %e: f32[N,T,12] = Gather(%table, %ids)
    %y: f32[N,T,7] = MatMul(%e, %w)
    return %y
  }`,
  { table: [20, 12], w: [12, 7] },
)

testAdapter({
  test,
  adapter,
  cases: [
    { name: 'a convolutional network', source: convNet(), feeds: feeds(['x', tensor([2, 3, 8, 8], 9)]) },
    { name: 'a convolutional network of opset 7', source: convNet(7), feeds: feeds(['x', tensor([1, 3, 8, 8], 9)]) },
    { name: 'an LSTM', source: recurrent, feeds: feeds(['x', tensor([5, 1, 6], 9)]) },
    {
      name: 'an embedding',
      source: embedding,
      feeds: feeds(['ids', { dtype: 'i64', shape: [1, 3], data: BigInt64Array.of(0n, 7n, 19n) }]),
    },
  ],
})

describe('reading', () => {
  test('finds the quantizable weights, their kinds and output axes', async () => {
    const found = async (bytes: Uint8Array) =>
      (await adapter.read(bytes)).nodes.flatMap(({ kind, weights }) => (weights.length > 0 ? [[kind, ...weights]] : []))
    expect(await found(convNet())).toEqual([
      ['conv', { input: 1, axis: 0 }],
      ['depthwiseConv', { input: 1, axis: 0 }],
      ['convTranspose', { input: 1, axis: 1 }],
      ['dense', { input: 1, axis: 1 }],
    ])
    expect(await found(recurrent)).toEqual([['recurrent', { input: 1, axis: 1 }, { input: 2, axis: 1 }]])
    expect(await found(embedding)).toEqual([
      ['embedding', { input: 0, axis: 1 }],
      ['dense', { input: 1, axis: 1 }],
    ])
  })

  test('carries control flow along, and knows what its subgraphs read from outside', async () => {
    const model = fromBinary(ModelProtoSchema, convNet())
    const branch = (op: string) => ({ name: op, node: [node(op, ['y'], [op])], output: [{ name: op }] })
    const attribute = (name: string, g: object) => ({ name, type: 5, g })
    model.graph!.node.push(
      node(
        'Constant',
        [],
        ['condition'],
        [{ name: 'value', type: 4, t: { dataType: 9, dims: [], rawData: Uint8Array.of(0) } }],
      ),
      node(
        'If',
        ['condition'],
        ['chosen'],
        [attribute('then_branch', branch('Relu')), attribute('else_branch', branch('Neg'))],
      ),
    )
    model.graph!.output[0]!.name = 'chosen'
    const graph = await adapter.read(toBinary(ModelProtoSchema, model))
    expect(graph.nodes.at(-1)).toMatchObject({ kind: 'opaque', op: 'If', captures: ['y'] })
    const session = await adapter.open!(await adapter.write!(graph))
    const plain = await adapter.open!(convNet())
    const x = feeds(['x', tensor([1, 3, 8, 8], 4)])
    const [chosen] = [...(await session.run(x)).values()].map(({ data }) => Float32Array.from(data as Float32Array))
    const [y] = [...(await plain.run(x)).values()].map(({ data }) => Float32Array.from(data as Float32Array, (v) => -v))
    expect(chosen).toEqual(y)
    await session.dispose()
    await plain.dispose()
  })

  test('refuses opsets it does not know, with the range it does', async () => {
    for (const opset of [6, 27])
      await expect(adapter.read(convNet(opset))).rejects.toMatchObject({
        code: 'ONNX_OPSET',
        message: expect.stringContaining(`opset ${opset}`),
      })
  })

  const bytes = convNet()
  test('damaged files are refused as a MixbitError or read as a valid graph, never worse', async () => {
    const damaged = [
      new Uint8Array(0),
      new TextEncoder().encode('<html>404</html>'),
      tensor([500], 3).data as Uint8Array,
      ...Array.from({ length: 60 }, (_, i) => bytes.slice(0, Math.floor((bytes.length * i) / 60))),
      ...Array.from({ length: 200 }, (_, i) =>
        bytes.map((byte, at) => (at === (i * 7919) % bytes.length ? byte ^ (1 << (i % 8)) : byte)),
      ),
    ]
    let refused = 0
    for (const broken of damaged)
      await adapter.read(broken).catch((error) => {
        expect(error, String(error?.stack)).toBeInstanceOf(MixbitError)
        expect(error.hint).toBeTruthy()
        refused++
      })
    expect(refused).toBeGreaterThan(60)
  })
})

describe('external data', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mixbit-onnx-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The network with one weight moved to a file. */
  const external = (location: string) => {
    const model = fromBinary(ModelProtoSchema, convNet())
    const weight = model.graph!.initializer.find(({ name }) => name === 'w1')!
    const data = weight.rawData
    Object.assign(weight, {
      rawData: new Uint8Array(0),
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [{ $typeName: 'onnx.StringStringEntryProto', key: 'location', value: location }],
    })
    return { bytes: toBinary(ModelProtoSchema, model), data }
  }

  test('is read from beside the model, and from memory', async () => {
    const { bytes, data } = external('weights.bin')
    writeFileSync(join(folder, 'model.onnx'), bytes)
    writeFileSync(join(folder, 'weights.bin'), data)
    const expected = (await adapter.read(convNet())).values.get('w1')
    expect((await adapter.read(join(folder, 'model.onnx'))).values.get('w1')).toEqual(expected)
    expect(
      (await adapter.read({ model: bytes, externalData: new Map([['weights.bin', data]]) })).values.get('w1'),
    ).toEqual(expected)
  })

  test('that is missing or too short is named', async () => {
    const { bytes, data } = external('weights.bin')
    await expect(adapter.read(bytes)).rejects.toMatchObject({
      code: 'ONNX_EXTERNAL_MISSING',
      message: expect.stringContaining('weights.bin'),
    })
    await expect(
      adapter.read({ model: bytes, externalData: new Map([['weights.bin', data.slice(0, 8)]]) }),
    ).rejects.toMatchObject({ code: 'ONNX_UNREADABLE' })
  })

  test('outside the folder of the model is refused, also behind a link', async () => {
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    symlinkSync(join(folder, 'weights.bin'), join(inner, 'link.bin'))
    for (const location of ['../weights.bin', join(folder, 'weights.bin'), 'link.bin', 'a/../../weights.bin']) {
      writeFileSync(join(inner, 'model.onnx'), external(location).bytes)
      await expect(adapter.read(join(inner, 'model.onnx'))).rejects.toMatchObject({ code: 'ONNX_EXTERNAL_PATH' })
    }
  })
})

describe('running', () => {
  test('says which input is missing or does not fit', async () => {
    const graph = await adapter.read(convNet())
    const session = await adapter.compile(graph, graph.outputs)
    await expect(session.run(new Map())).rejects.toMatchObject({
      code: 'FEED_MISSING',
      message: expect.stringContaining('x'),
    })
    await expect(session.run(feeds(['x', tensor([1, 3, 8, 9], 1)]))).rejects.toMatchObject({
      code: 'FEED_MISMATCH',
      message: expect.stringContaining('[1,3,8,9]'),
    })
    await session.dispose()
  })

  test('says what to install when there is no runtime', async () => {
    const without = onnx({ runtime: () => Promise.reject(new Error('Cannot find package')) })
    const graph = await without.read(convNet())
    await expect(without.compile(graph, graph.outputs)).rejects.toMatchObject({
      code: 'ONNX_RUNTIME_MISSING',
      hint: expect.stringContaining('onnxruntime-node'),
    })
  })
})

function node(opType: string, input: string[], output: string[], attribute: object[] = []): NodeProto {
  return create(NodeProtoSchema, { opType, input, output, name: output[0], attribute } as object)
}
