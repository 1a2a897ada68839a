// What onnxruntime makes of operators between quantizers: the operators of its optimized model, with a quantizer at the end of a
// sequence alone ("as one") and with one behind every operator ("apart"). `node bench/fusing.mjs`
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantize, targetPlatform } from '@mixbit/core'
import { f32, parseGraph } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import ort from 'onnxruntime-node'
import { random } from './models.mjs'

const adapter = onnx({ threads: 1 })
const next = random(1)
const numbers = (shape) =>
  f32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => next() - 0.5),
    shape,
  )
const constants = {
  w: numbers([16, 16, 3, 3]),
  v: numbers([16, 16, 3, 3]),
  slope: numbers([16, 1, 1]),
  low: f32([0], []),
  high: f32([6], []),
}

/** A convolution, the operators in question, and another convolution, as a model file. */
function modelOf(between) {
  const conv = (id, x, w) => `%${id}: f32[1,16,8,8] = Conv(%${x}, %${w}) {pads=[1, 1, 1, 1]}`
  const steps = between.map((op, i) => `%s${i}: f32[1,16,8,8] = ${op.replace('$', i === 0 ? 'a' : `s${i - 1}`)}`)
  const inputs = Object.entries(constants).map(([id, { shape }]) => `%${id}: f32[${shape}]`)
  const graph = parseGraph(
    [
      `graph g(%x: f32[1,16,8,8], ${inputs})`,
      '{',
      conv('a', 'x', 'w'),
      ...steps,
      conv('z', `s${steps.length - 1}`, 'v'),
      '%y: f32[1,16,8,8] = Erf(%z)',
      'return %y }',
    ].join('\n'),
  )
  const values = new Map(graph.values)
  for (const [id, tensor] of Object.entries(constants)) values.set(id, { ...values.get(id), tensor })
  return adapter.write({ ...graph, values, inputs: ['x'] })
}

const cpu = targetPlatform('onnxruntime-cpu')
const kinds = ['add', 'mul', 'concat', 'maxPool', 'averagePool', 'activation', 'sigmoid', 'softmax']
const all = { name: 'all', kinds, follows: true }
const folder = mkdtempSync(join(tmpdir(), 'mixbit-fusing-'))
const path = join(folder, 'optimized.onnx')

async function optimized(model, fusingPatterns) {
  const targetPlatform = { ...cpu, operatorSets: [cpu.operatorSets[0], all], fusingPatterns }
  const representativeDataset = [new Map([['x', numbers([1, 16, 8, 8])]])]
  // The sum of x and a convolution of x would be merged into the kernel.
  const coreConfig = { quantizationConfig: { residualCollapsing: false } }
  const { artifact } = await quantize(model, { adapter, representativeDataset, targetPlatform, coreConfig })
  const session = await ort.InferenceSession.create(artifact, { optimizedModelFilePath: path, logSeverityLevel: 3 })
  await session.release()
  const { nodes } = await adapter.read(readFileSync(path))
  return nodes.map(({ op }) => op.replace(/^.*::/, '')).join(' ')
}

const pool = (op) => `${op}($) {kernel_shape=[3, 3], pads=[1, 1, 1, 1]}`
const cases = [
  ...['Relu', 'LeakyRelu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Elu'].map((op) => [`${op}($)`]),
  ['Clip($, %low, %high)'],
  ['PRelu($, %slope)'],
  ['Add($, %x)', 'Relu($)'],
  [pool('MaxPool'), 'Relu($)'],
  [pool('AveragePool'), 'Relu($)'],
  ['Softmax($)'],
  ['Mul($, %x)', 'Relu($)'],
].map((ops) => ops.map((op) => op.replace('$', '%$')))
for (const ops of cases) {
  const model = await modelOf(ops)
  const names = ops.map((op) => op.split('(')[0])
  const count = names.length
  console.log(`conv ${names.join(' ')}`)
  const patterns = { 'all as one': [['integer layers', ...Array(count).fill('all')]], apart: [] }
  if (count > 1) patterns['last two as one'] = [['all', 'all']]
  for (const [name, pattern] of Object.entries(patterns))
    console.log(`  ${name.padEnd(16)} ${await optimized(model, pattern)}`)
}
rmSync(folder, { recursive: true })
