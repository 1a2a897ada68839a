import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { f32 } from '@mixbit/graph'
import { encodeNpy } from '@mixbit/inputs'
import * as onnxPackage from '@mixbit/onnx'
import { eventFileName } from '@mixbit/tensorboard'
import * as ort from 'onnxruntime-node'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { readEvents, readGraph, readValues } from '../../tensorboard/src/testing/read-events.ts'
import type { Io } from './io.ts'
import { main } from './main.ts'
import { emptyFolder } from './testing/folder.ts'
import { tinyModel } from './testing/tiny-onnx.ts'

function terminal() {
  const seen = { stdout: '', stderr: '' }
  const write = (stream: 'stdout' | 'stderr') => (text: string) => {
    seen[stream] += text
  }
  const io: Io = {
    stdout: write('stdout'),
    stderr: write('stderr'),
    isTTY: false,
    columns: 80,
    onInterrupt: () => () => {},
    exit: () => {},
  }
  return { io, seen }
}

async function setUp() {
  const folder = await emptyFolder()
  const at = (name: string) => join(folder, name)
  await writeFile(at('model.onnx'), tinyModel())
  await writeFile(
    at('x.npy'),
    encodeNpy(
      f32(
        Float32Array.from({ length: 128 }, (_, i) => Math.sin(i * 1.7)),
        [16, 8],
      ),
    ),
  )
  return at
}

test('the hand-written model is one that onnxruntime runs', async () => {
  const session = await ort.InferenceSession.create(tinyModel())
  const { y } = await session.run({ x: new ort.Tensor('float32', new Float32Array(16), [2, 8]) })
  expect(y!.dims).toEqual([2, 4])
  await session.release()
})

describe.skipIf(!('onnx' in onnxPackage))('on a real model', () => {
  test('quantize writes a file under the budget that onnxruntime runs, and compare agrees with the report', async () => {
    const at = await setUp()
    const quantize = terminal()
    const command = [
      'quantize',
      at('model.onnx'),
      '-c',
      at('x.npy'),
      '--weights-memory',
      '20%',
      '-o',
      at('small.onnx'),
      '--report',
      at('r.json'),
    ]
    expect(await main(command, quantize.io), quantize.seen.stderr).toBe(0)
    const report = JSON.parse(await readFile(at('r.json'), 'utf8'))
    expect(report.utilization.weightsMemory).toBeLessThanOrEqual(0.2 * 4 * 4864)
    expect((await stat(at('small.onnx'))).size).toBe(report.bytes)
    expect(quantize.seen.stdout).toContain('Gemm_y')

    const session = await ort.InferenceSession.create(at('small.onnx'))
    const { y } = await session.run({ x: new ort.Tensor('float32', new Float32Array(8), [1, 8]) })
    expect(y!.dims).toEqual([1, 4])
    await session.release()

    const compare = terminal()
    expect(
      await main(['compare', at('model.onnx'), at('small.onnx'), '-c', at('x.npy'), '--json'], compare.io),
      compare.seen.stderr,
    ).toBe(0)
    expect(JSON.parse(compare.seen.stdout).outputs[0].sqnr).toBeCloseTo(report.distances.toFloat[0].sqnr, 1)
  })

  test('inspect, sensitivity and frontier speak of the same layers', async () => {
    const at = await setUp()
    const run = async (...argv: string[]) => {
      const { io, seen } = terminal()
      expect(await main(argv, io), seen.stderr).toBe(0)
      return seen.stdout
    }
    const inspected = JSON.parse(await run('inspect', at('model.onnx'), '--json', '--sizes'))
    expect(inspected.weightsMemory).toBe(4 * 4864)
    expect(inspected.sizes.byBits['8'].weightsMemory).toBe(4864)
    expect(inspected.sizes.float.bops).toBe(1024 * 4864)
    expect(await run('inspect', at('model.onnx'), '--sizes', '--target', 'onnxruntime-cpu')).toMatch(
      /activations +total +bit operations\n.*\nfloat .*\n8 bits .*\n6 bits .*\n5 bits .*\n4 bits .*\n3 bits .*\n2 bits .*\n1 bits /,
    )
    const { layers } = JSON.parse(await run('sensitivity', at('model.onnx'), '-c', at('x.npy'), '--json'))
    expect(layers).toHaveLength(3)
    for (const { candidates } of layers) expect(candidates[0].sensitivity).toBeLessThan(candidates.at(-1).sensitivity)
    expect(await run('frontier', at('model.onnx'), '-c', at('x.npy'))).toContain('●')
  })

  test('an impossible budget ends with 5 and leaves nothing', async () => {
    const at = await setUp()
    const { io, seen } = terminal()
    expect(
      await main(
        ['quantize', at('model.onnx'), '-c', at('x.npy'), '--weights-memory', '1%', '-o', at('small.onnx')],
        io,
      ),
    ).toBe(5)
    expect(seen.stderr).toContain('BUDGET_INFEASIBLE')
    await expect(stat(at('small.onnx'))).rejects.toThrow()
  })

  test.each([
    ['empty', ''],
    ['no model', 'hello, this is no model'],
  ])('an %s file ends with 3', async (_what, content) => {
    const at = await setUp()
    await writeFile(at('model.onnx'), content)
    const { io, seen } = terminal()
    expect(await main(['quantize', at('model.onnx'), '-c', at('x.npy'), '-o', at('small.onnx')], io), seen.stderr).toBe(
      3,
    )
  })
})

test('a TF.js model is recognised by its model.json or its folder, and a folder is written that compare opens', async () => {
  const at = await setUp()
  const demo = 'examples/demo/model/tfjs'
  const [out, again] = [at('out/'), at('again')]
  const budget = ['-c', 'random', '--samples', '4', '--weights-memory', '20%', '--distance-weighting', 'LAST_LAYER']
  for (const [model, output] of [
    [join(demo, 'model.json'), out],
    [demo, again],
  ] as const) {
    const { io, seen } = terminal()
    expect(await main(['quantize', model, ...budget, '-o', output], io), seen.stderr).toBe(0)
    expect(seen.stdout).toContain('logits')
  }
  for (const file of ['model.json', 'group1-shard1of1.bin'])
    expect(await readFile(join(out, file))).toEqual(await readFile(join(again, file)))
  const compare = terminal()
  const argv = ['compare', demo, out, '-c', 'random', '--samples', '4', '--json']
  expect(await main(argv, compare.io), compare.seen.stderr).toBe(0)
  const { fileSize, outputs } = JSON.parse(compare.seen.stdout)
  expect(fileSize.quantized).toBeLessThan(0.3 * fileSize.float)
  expect(outputs[0].sqnr).toBeGreaterThan(10)
})

test('a TF.js folder without a model ends with 3, and an output that is a file with 7', async () => {
  const at = await setUp()
  const { io } = terminal()
  expect(await main(['inspect', join(at('model.onnx'), '..')], io)).toBe(3)
  const argv = ['quantize', 'examples/demo/model/tfjs', '-c', 'random', '--weights-memory', '20%', '-o', at('x.npy')]
  expect(await main(argv, terminal().io)).toBe(7)
})

describe('--log-dir', () => {
  const read = async (folder: string, stage: string) => readEvents(await readFile(join(folder, stage, eventFileName)))

  test('writes a run of TensorBoard for every stage of the reference, which an independent reader understands', async () => {
    const at = await setUp()
    const { io, seen } = terminal()
    const data = ['--calibration', at('x.npy'), '--target', 'onnxruntime-cpu', '--similarity']
    const budget = ['--weights-memory', '15%', '--total-memory', '1500']
    const argv = ['quantize', at('model.onnx'), ...data, ...budget, '--log-dir', at('logs/a')]
    expect(await main([...argv, '-o', at('small.onnx'), '--report', at('r.json')], io), seen.stderr).toBe(0)
    const stages = [
      'initial_graph',
      'after_graph_preparation',
      'pre_statistics_collection_substitutions',
      'after_graph_marking',
      'after_candidates_filtering',
      'after_statistic_collection',
      'thresholds_selection',
      'after_shift_negative_correction',
      'post_statistics_collection_substitutions',
      'statistics_computation',
      'after_statistics_correction',
    ]
    expect((await readdir(at('logs/a'))).sort()).toEqual([...stages, 'figures'].sort())
    const report = JSON.parse(await readFile(at('r.json'), 'utf8'))
    for (const stage of stages) {
      const graph = readGraph(await read(at('logs/a'), stage))
      for (const { node } of report.layers) expect([...graph.keys()], stage).toContain(node)
    }
    const last = readGraph(await read(at('logs/a'), 'after_statistics_correction'))
    for (const { node, bits, bytes } of report.layers)
      expect(last.get(node)!.attr).toMatchObject({ weights_bits: bits, weights_bytes: bytes, kind: 'dense' })
    for (const { value, bits } of report.activations)
      expect(last.get(`${value}_quantize`)!.attr).toMatchObject({ activation_bits: bits })
    expect(new Set(report.layers.map(({ bits }: { bits: number }) => bits)).size).toBeGreaterThan(1)

    // 16 samples with 64 hidden values each, none below zero behind a ReLU.
    const values = readValues(await read(at('logs/a'), 'after_statistic_collection'))
    expect(values.get('Relu_r1/activation')![0]!.histo).toMatchObject({ num: 16 * 64, bucketLimit: expect.anything() })
    expect(values.get('Relu_r1/activation/min')![0]!.simpleValue ?? 0).toBe(0)
    expect(values.get('Gemm_h0/weights')![0]!.histo!.num).toBe(8 * 64)
    expect(values.get('Gemm_h0/weights/max')).toHaveLength(64)
    const scores = readValues(await read(at('logs/a'), 'statistics_computation'))
    const [{ candidates }] = report.layers
    expect(scores.get('sensitivity of weights/2 bits')![0]!.simpleValue).toBeCloseTo(
      candidates.find(({ bits }: { bits: number }) => bits === 2).sensitivity,
      5,
    )
    const figures = readValues(await read(at('logs/a'), 'figures'))
    for (const what of ['Weights', 'Activation']) {
      const { encodedImageString, height } = figures.get(`${what} final bit-width config`)![0]!.image!
      expect((await sharp(encodedImageString).metadata()).height).toBe(height)
    }
    expect(figures.get('similarity/sqnr')).toHaveLength(report.similarity.length)

    // The same run gives the same bytes.
    const again = [...argv.slice(0, -1), at('logs/b'), '-o', at('again.onnx')]
    expect(await main(again, terminal().io)).toBe(0)
    for (const stage of [...stages, 'figures'])
      expect(await readFile(join(at('logs/b'), stage, eventFileName)), stage).toEqual(
        await readFile(join(at('logs/a'), stage, eventFileName)),
      )
  })

  test('a file in the place of the folder is refused before anything is measured', async () => {
    const at = await setUp()
    const { io, seen } = terminal()
    const argv = ['quantize', at('model.onnx'), '-c', at('x.npy'), '-o', at('s.onnx'), '--log-dir', at('x.npy')]
    expect(await main(argv, io)).toBe(7)
    expect(seen.stderr).toContain('OUTPUT_WRITE')
  })
})
