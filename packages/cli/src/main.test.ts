import { access, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { f32 } from '@mixbit/graph'
import { encodeNpy } from '@mixbit/inputs'
import { describe, expect, test } from 'vitest'
import { main } from './main.ts'
import { MixbitError } from './mixbit.ts'
import { fakeIo, fakeReport } from './testing/fake.ts'
import { emptyFolder } from './testing/folder.ts'

/** A folder with a model and three samples of `[1, 0, 0]`, `[0, 1, 0]`, `[0, 0, 1]`. */
async function setUp() {
  const folder = await emptyFolder()
  const at = (name: string) => join(folder, name)
  await writeFile(at('model.onnx'), 'gain 1')
  await writeFile(at('x.npy'), encodeNpy(f32([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3])))
  return { folder, at, quantize: ['quantize', at('model.onnx'), '-c', at('x.npy'), '-o', at('small.onnx')] }
}

test('quantize hands the options on, writes the file, and prints the table', async () => {
  const { at, folder, quantize } = await setUp()
  let options: Record<string, unknown> = {}
  const { io, seen } = fakeIo(async (given) => {
    options = given as unknown as Record<string, unknown>
    return { artifact: new TextEncoder().encode('gain 0.5'), report: fakeReport }
  })
  const flags = [
    '--samples',
    '2',
    '--weights-memory',
    '25%',
    '--file-size',
    '4000',
    '--bits',
    '2,8',
    '--distance-weighting',
    'last_layer',
    '--num-of-images',
    '1',
    '--report',
    at('r.json'),
  ]
  expect(await main([...quantize, ...flags], io)).toBe(0)
  expect(options).toMatchObject({
    targetResourceUtilization: { weightsMemory: '25%', fileSize: 4000 },
    coreConfig: { mixedPrecisionConfig: { distanceWeightingMethod: 'LAST_LAYER', numOfImages: 1 } },
    targetPlatform: { name: 'weights-only', weights: { bits: [8, 2] } },
  })
  expect(options.representativeDataset).toHaveLength(2)
  expect(seen.stdout).toMatch(/conv1 +conv +8x3x3x3 +4 +108 B +0\.0123 +8 bits would cost 108 bytes/)
  expect(seen.stdout).toContain('108 B, 12.5 % of 864 B in float (budget 216 B)')
  expect(seen.stderr).toContain('warning: beware')
  expect(await readFile(at('small.onnx'), 'utf8')).toBe('gain 0.5')
  expect(JSON.parse(await readFile(at('r.json'), 'utf8'))).toMatchObject({ bytes: 8 })
  expect((await readdir(folder)).sort()).toEqual(['model.onnx', 'r.json', 'small.onnx', 'x.npy'])
})

test('--json prints nothing but the report', async () => {
  const { quantize } = await setUp()
  const { io, seen } = fakeIo()
  expect(await main([...quantize, '--json', '--quiet'], io)).toBe(0)
  expect(JSON.parse(seen.stdout)).toMatchObject({ model: 'fake', layers: [{ node: 'conv1' }] })
  expect(seen.stderr).toBe('')
})

test('a config file fills in what the flags leave out, and every fault in it is listed', async () => {
  const { at, quantize } = await setUp()
  const configs: unknown[] = []
  const { io, seen } = fakeIo(async ({ coreConfig, targetResourceUtilization }) => {
    configs.push({ ...coreConfig, targetResourceUtilization })
    return { artifact: new Uint8Array(), report: fakeReport }
  })
  const config = {
    samples: 3,
    distanceWeighting: 'EXP',
    weightsMemory: '20%',
    bitWidthConfig: { weights: [{ match: { name: 'conv1' }, bits: 8 }] },
  }
  await writeFile(at('c.json'), JSON.stringify(config))
  expect(await main([...quantize, '--config', at('c.json'), '--samples', '1'], io)).toBe(0)
  expect(configs).toEqual([
    {
      bitWidthConfig: config.bitWidthConfig,
      targetResourceUtilization: { weightsMemory: '20%' },
      mixedPrecisionConfig: { distanceWeightingMethod: 'EXP' },
      debugConfig: {},
    },
  ])
  await writeFile(at('c.json'), JSON.stringify({ sample: 3, distanceWeighting: 'SOME', samples: -1 }))
  expect(await main([...quantize, '--config', at('c.json')], io)).toBe(2)
  for (const fault of ['3 fault(s)', 'unknown key "sample"', '"SOME"', '"-1"']) expect(seen.stderr).toContain(fault)
})

test('pins follow the rules of the config file, and debugging flags its sections', async () => {
  const { at, quantize } = await setUp()
  let coreConfig: unknown
  const schedule = {
    steps: [
      { node: 'conv1', bytes: 1500 },
      { node: 'dense', bytes: 500 },
    ],
    peak: { node: 'conv1', bytes: 1500, tensors: [{ value: 'x', bits: 4, bytes: 1500 }] },
  }
  const { io, seen } = fakeIo(async (options) => {
    coreConfig = options.coreConfig
    return { artifact: new Uint8Array(), report: { ...fakeReport, schedule } }
  })
  const config = {
    bitWidthConfig: { weights: [{ match: { kind: 'conv' }, bits: 4 }] },
    debugConfig: { networkEditor: [{ filter: { kind: 'conv' }, actions: { biasCorrection: false } }] },
    pinActivations: { x: 8 },
  }
  await writeFile(at('c.json'), JSON.stringify(config))
  const pins = ['--pin-weights', 'conv*=8', '--pin-weights', 'dense=4', '--schedule', '--similarity']
  expect(await main([...quantize, '--config', at('c.json'), ...pins], io), seen.stderr).toBe(0)
  expect(coreConfig).toMatchObject({
    bitWidthConfig: {
      weights: [
        { match: { kind: 'conv' }, bits: 4 },
        { match: { name: 'conv*' }, bits: 8 },
        { match: { name: 'dense' }, bits: 4 },
      ],
      activations: [{ match: { name: 'x' }, bits: 8 }],
    },
    debugConfig: { ...config.debugConfig, simulateScheduler: true, analyzeSimilarity: true },
  })
  expect(seen.stdout).toMatch(/conv1 +1\.50 kB +█{30}\n.*dense +500 B +█{10}\n/s)
  expect(seen.stdout).toMatch(/alive at the peak \(conv1\) .*\n.*\nx +4 +1\.50 kB/)
})

test.each([
  ['a pin without bits', ['--pin-weights', 'conv1'], 2, 'OPTION_INVALID'],
  ['a pin of no width', ['--pin-activations', 'conv1=wide'], 2, 'OPTION_INVALID'],
  ['an unknown option', ['--calibratoin', 'x'], 2, 'USAGE'],
  ['a number that is none', ['--samples', 'many'], 2, 'OPTION_INVALID'],
  ['missing data', ['-c', 'nowhere'], 4, 'DATA_NOT_FOUND'],
  ['an output folder that is not there', ['-o', 'nowhere/deep/a.onnx'], 7, 'OUTPUT_WRITE'],
  ['a config that is not there', ['--config', 'nowhere.json'], 2, 'CONFIG_NOT_FOUND'],
])('%s ends with its exit code, a message and a hint', async (_what, flags, exit, code) => {
  const { quantize, at } = await setUp()
  const { io, seen } = fakeIo()
  expect(await main([...quantize, ...flags], io)).toBe(exit)
  expect(seen.stderr).toMatch(new RegExp(`^error \\[${code}\\] .+\\nhint: .+\\n$`))
  expect(seen.stdout).toBe('')
  await expect(access(at('small.onnx'))).rejects.toThrow()
})

test('a misspelt option is answered with the right one', async () => {
  const { io, seen } = fakeIo()
  await main(['quantize', 'm.onnx', '--calibratoin', 'x'], io)
  expect(seen.stderr).toContain('Did you mean --calibration?')
})

test('errors of the engine keep their code; a stack is shown on request only', async () => {
  const { quantize, at } = await setUp()
  const failing = (error: Error) => fakeIo(async () => Promise.reject(error))
  const infeasible = failing(new MixbitError('BUDGET_INFEASIBLE', 'Too small.', { hint: 'Raise it.' }))
  expect(await main(quantize, infeasible.io)).toBe(5)
  expect(infeasible.seen.stderr.endsWith('error [BUDGET_INFEASIBLE] Too small.\nhint: Raise it.\n')).toBe(true)
  const bug = failing(new TypeError('x is not a function'))
  expect(await main([...quantize, '--debug'], bug.io)).toBe(1)
  expect(bug.seen.stderr).toMatch(/UNEXPECTED.*x is not a function[\s\S]+ at /)
  await writeFile(at('model.onnx'), 'rubbish')
  expect(await main(quantize, fakeIo().io)).toBe(3)
})

test('Ctrl-C stops with 130, leaves no output, and keeps the sweep for the same command', async () => {
  const { quantize, at, folder } = await setUp()
  const fake = fakeIo(async ({ signal, checkpoint }) => {
    await checkpoint!.append('{"row":1}')
    fake.press()
    expect(signal!.aborted).toBe(true)
    throw new MixbitError('ABORTED', 'The run was cancelled.')
  })
  expect(await main(quantize, fake.io)).toBe(130)
  expect(fake.seen.stderr).toContain('Run the same command again')
  expect(await readdir(folder)).toContain('small.onnx.mixbit-sweep.jsonl')
  await expect(access(at('small.onnx'))).rejects.toThrow()

  let rows: readonly string[] = []
  const again = fakeIo(async ({ checkpoint }) => {
    rows = await checkpoint!.load()
    return { artifact: new Uint8Array(1), report: fakeReport }
  })
  expect(await main(quantize, again.io)).toBe(0)
  expect(rows).toEqual(['{"row":1}'])
  expect((await readdir(folder)).sort()).toEqual(['model.onnx', 'small.onnx', 'x.npy'])
})

test('a checkpoint that the user named is kept; --no-resume empties it', async () => {
  const { quantize, at } = await setUp()
  await writeFile(at('sweep'), 'old\n')
  const loaded: (readonly string[])[] = []
  const { io } = fakeIo(async ({ checkpoint }) => {
    loaded.push(await checkpoint!.load())
    await checkpoint!.append('new')
    return { artifact: new Uint8Array(1), report: fakeReport }
  })
  await main([...quantize, '--checkpoint', at('sweep')], io)
  await main([...quantize, '--checkpoint', at('sweep'), '--no-resume'], io)
  expect(loaded).toEqual([['old'], []])
  expect(await readFile(at('sweep'), 'utf8')).toBe('new\n')
})

test('a second Ctrl-C does not wait', async () => {
  const { quantize } = await setUp()
  const fake = fakeIo(async () => {
    fake.press()
    fake.press()
    throw new Error('aborted')
  })
  expect(await main(quantize, fake.io)).toBe(130)
  expect(fake.seen.exits).toEqual([130])
})

test('compare measures both files on the same inputs', async () => {
  const { at } = await setUp()
  await writeFile(at('half.onnx'), 'gain 0.5')
  await writeFile(at('labels.txt'), '0\n1\n2\n')
  const { io, seen } = fakeIo()
  const command = ['compare', at('model.onnx'), at('half.onnx'), '-c', at('x.npy'), '--labels', at('labels.txt')]
  expect(await main([...command, '--json'], io)).toBe(0)
  // Half gain and 0.5 more on class 0: [1, 0, 0], [.5, .5, 0], [.5, 0, .5]; ties go to the first, so 1 of 3 agrees.
  const { outputs, accuracy, samples } = JSON.parse(seen.stdout)
  expect(samples).toBe(3)
  expect(outputs[0].top1Agreement).toBeCloseTo(1 / 3)
  expect(outputs[0].sqnr).toBeCloseTo(10 * Math.log10(3 / (4 * 0.25)), 4)
  expect(accuracy).toEqual({ output: 'scores', float: 1, quantized: expect.closeTo(1 / 3, 6) })
  const text = fakeIo()
  expect(await main(command, text.io)).toBe(0)
  expect(text.seen.stdout).toContain('accuracy  scores: float 100.0 %, quantized 33.3 %')
})

test('inspect lists inputs, outputs and nodes', async () => {
  const { at } = await setUp()
  const { io, seen } = fakeIo()
  expect(await main(['inspect', at('model.onnx')], io)).toBe(0)
  expect(seen.stdout).toContain('inputs   x f32[N,3]')
  expect(await main(['inspect', at('model.onnx'), '--text'], io)).toBe(0)
})

test('help and version go to stdout and end with 0; help lists the exit codes', async () => {
  for (const flags of [['--help'], ['--version'], ['quantize', '--help']]) {
    const { io, seen } = fakeIo()
    expect(await main(flags, io)).toBe(0)
    expect(seen.stdout).not.toBe('')
    expect(seen.stderr).toBe('')
    if (flags.at(-1) === '--help') expect(seen.stdout).toContain('130  interrupted')
  }
})

test('targets lists the platforms; show describes one, and gives it as JSON', async () => {
  const list = fakeIo()
  expect(await main(['targets'], list.io)).toBe(0)
  expect(list.seen.stdout).toMatch(
    /weights-only +1 +8, 6, 5, 4, 3, 2, 1 bits, symmetric, midRise, kMeans, per channel +float/,
  )
  const text = fakeIo()
  expect(await main(['targets', 'show', 'imx500'], text.io)).toBe(0)
  for (const part of [
    /activations +8, 4, 2 bits, powerOfTwo/,
    /run as one +linear \+ activation/,
    /between +add concat .* where an input is +reads at most 8 bits/,
    /SIMD width +32 channels/,
  ])
    expect(text.seen.stdout).toMatch(part)
  const json = fakeIo()
  expect(await main(['targets', 'show', 'imx500', '--json'], json.io)).toBe(0)
  expect(JSON.parse(json.seen.stdout)).toMatchObject({ name: 'imx500', activations: { scheme: 'powerOfTwo' } })
  const none = fakeIo()
  expect(await main(['targets', 'show', 'abacus'], none.io)).toBe(2)
  expect(none.seen.stderr).toContain('TARGET_PLATFORM_UNKNOWN')
})

describe('a target platform from a file', () => {
  /** What `targets show imx500 --json` prints, changed. */
  const mine = async (change: (text: string) => string = (text) => text) => {
    const { io, seen } = fakeIo()
    await main(['targets', 'show', 'imx500', '--json'], io)
    return change(seen.stdout)
  }

  test('is what --target and the config file take, as a path or as data', async () => {
    const { at, quantize } = await setUp()
    const seen: unknown[] = []
    const { io } = fakeIo(async ({ targetPlatform }) => {
      seen.push(targetPlatform)
      return { artifact: new Uint8Array(1), report: fakeReport }
    })
    const text = await mine((json) => json.replace('"imx500"', '"mine"'))
    await writeFile(at('mine.json'), text)
    await writeFile(at('path.json'), JSON.stringify({ targetPlatform: at('mine.json') }))
    await writeFile(at('data.json'), JSON.stringify({ targetPlatform: JSON.parse(text) }))
    const flags = [
      ['--target', at('mine.json')],
      ['--config', at('path.json')],
      ['--config', at('data.json')],
    ]
    for (const each of flags) expect(await main([...quantize, ...each], io)).toBe(0)
    expect(seen).toEqual(Array(3).fill(JSON.parse(text)))
    expect(await main([...quantize, '--target', at('mine.json'), '--bits', '3,6'], io)).toBe(0)
    expect(seen[3]).toMatchObject({ name: 'mine', weights: { bits: [6, 3] } })
  })

  test.each<[string, (text: string) => string, string]>([
    ['not JSON', (text) => text.slice(1), 'mine.json is not JSON'],
    [
      'without candidates',
      (text) => text.replace(/"bits": \[[^\]]*\]/, '"bits": []'),
      'weights.bits: The candidate set is empty',
    ],
    ['with an unknown kind', (text) => text.replace('"depthwiseConv"', '"convolution"'), 'operatorSets.0.kinds.1: '],
    [
      'with a base that is no candidate',
      (text) => text.replace('"bits":', '"base": 6, "bits":'),
      'weights.base: The base of 6 bits',
    ],
    [
      'with __proto__',
      (text) => text.replace('"weights":', '"__proto__": { "a": 1 }, "weights":'),
      '__proto__: There is no such field',
    ],
    [
      'of a newer version',
      (text) => text.replace('"schemaVersion": 1', '"schemaVersion": 2'),
      'schemaVersion: the data has version 2',
    ],
    ['with a list in place of an object', (text) => `[${text}]`, 'TARGET_PLATFORM_INVALID'],
  ])('%s is refused with the field, before anything is read', async (_what, change, message) => {
    const { at, quantize } = await setUp()
    await writeFile(at('mine.json'), await mine(change))
    for (const command of [
      [...quantize, '--target', at('mine.json')],
      ['targets', 'show', at('mine.json')],
    ]) {
      const { io, seen } = fakeIo()
      expect(await main(command, io)).toBe(2)
      expect(seen.stderr).toContain('error [TARGET_PLATFORM_INVALID]')
      expect(seen.stderr).toContain(message)
    }
  })

  test('that is not there is said with its path', async () => {
    const { quantize } = await setUp()
    const { io, seen } = fakeIo()
    expect(await main([...quantize, '--target', 'nowhere/mine.json'], io)).toBe(2)
    expect(seen.stderr).toMatch(/TARGET_PLATFORM_NOT_FOUND.*nowhere\/mine\.json/)
  })
})

test('no command at all shows the help and is a usage error', async () => {
  expect(await main([], fakeIo().io)).toBe(2)
})
