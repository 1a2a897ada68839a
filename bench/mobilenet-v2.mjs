// The whole job on a network of the size and shape of MobileNetV2: CPU seconds and peak memory. Weights are seeded random
// numbers (He et al. 2015) and so are the pictures, so nothing but the project is needed; accuracy says nothing here.
// `taskset -c 0 node bench/mobilenet-v2.mjs [--samples 32] [--images 32] [--method AVG] [--target onnxruntime-cpu] [--rounding nearest]`
import { parseArgs } from 'node:util'
import { quantize } from '@mixbit/core'
import { encodeOnnx, onnx } from '@mixbit/onnx'
import { random } from './models.mjs'

const { values: options } = parseArgs({
  options: {
    samples: { type: 'string', default: '32' },
    images: { type: 'string', default: '32' },
    method: { type: 'string', default: 'AVG' },
    target: { type: 'string', default: 'onnxruntime-cpu' },
    rounding: { type: 'string', default: 'errorCompensating' },
    budget: { type: 'string', default: '12.5%' },
  },
})
const side = 224
const uniform = random(1)
const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())

/** MobileNetV2 (Sandler et al. 2018), batch norms folded: 53 layers, 3.5 million weights. */
function mobilenetV2() {
  const values = new Map([['input', { id: 'input', dtype: 'f32', shape: [1, 3, side, side] }]])
  const nodes = []
  let count = 0
  const constant = (shape, deviation) => {
    const id = `c${count++}`
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => deviation * normal())
    values.set(id, { id, dtype: 'f32', shape, tensor: { dtype: 'f32', shape, data } })
    return id
  }
  const scalar = (x) => {
    const id = `c${count++}`
    values.set(id, { id, dtype: 'f32', shape: [], tensor: { dtype: 'f32', shape: [], data: Float32Array.of(x) } })
    return id
  }
  const node = (op, inputs, attrs = {}, output = `n${count++}`) => {
    values.set(output, { id: output, dtype: 'f32', ...(output === 'logits' && { shape: [1, 1000] }) })
    nodes.push({ id: output, kind: 'opaque', op, inputs, outputs: [output], attrs, weights: [] })
    return output
  }
  const conv = (x, from, to, { kernel = 1, stride = 1, group = 1, relu = true } = {}) => {
    const pad = (kernel - 1) / 2
    const fan = (kernel * kernel * from) / group
    const weight = constant([to, from / group, kernel, kernel], Math.sqrt((relu ? 2 : 1) / fan))
    const y = node('Conv', [x, weight, constant([to], 0.1)], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      group,
    })
    return relu ? node('Clip', [y, scalar(0), scalar(6)]) : y
  }
  let at = conv('input', 3, 32, { kernel: 3, stride: 2 })
  let channels = 32
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ]
  for (const [expansion, to, repeats, first] of stages)
    for (let i = 0; i < repeats; i++) {
      const [wide, stride] = [channels * expansion, i === 0 ? first : 1]
      const expanded = expansion === 1 ? at : conv(at, channels, wide)
      const filtered = conv(expanded, wide, wide, { kernel: 3, stride, group: wide })
      const narrow = conv(filtered, wide, to, { relu: false })
      at = stride === 1 && channels === to ? node('Add', [at, narrow]) : narrow
      channels = to
    }
  const flat = node('Flatten', [node('GlobalAveragePool', [conv(at, channels, 1280)])], { axis: 1 })
  const dense = [flat, constant([1000, 1280], Math.sqrt(1 / 1280)), constant([1000], 0.1)]
  node('Gemm', dense, { transB: 1 }, 'logits')
  return encodeOnnx({
    name: 'mobilenet_v2',
    inputs: ['input'],
    outputs: ['logits'],
    nodes,
    values,
    meta: { opsets: { '': 17 }, irVersion: 8 },
  })
}

/** Random waves, so that neighbouring pixels are alike. */
function picture() {
  const data = new Float32Array(3 * side * side)
  for (let wave = 0; wave < 24; wave++) {
    const [channel, fx, fy, phase] = [Math.floor(3 * uniform()), normal() / 12, normal() / 12, 6 * uniform()]
    for (let p = 0; p < side * side; p++)
      data[channel * side * side + p] += 0.5 * Math.cos(fx * (p % side) + fy * Math.floor(p / side) + phase)
  }
  return new Map([['input', { dtype: 'f32', shape: [1, 3, side, side], data }]])
}

const adapter = onnx({ threads: 1 })
const source = mobilenetV2()
const samples = Array.from({ length: Number(options.samples) }, picture)
const cpu = process.cpuUsage()
const { report } = await quantize(source, {
  adapter,
  representativeDataset: samples,
  targetPlatform: options.target,
  targetResourceUtilization: { weightsMemory: options.budget },
  coreConfig: {
    mixedPrecisionConfig: { distanceWeightingMethod: options.method, numOfImages: Number(options.images) },
    quantizationConfig: { weightsRounding: options.rounding },
  },
})
const { user, system } = process.cpuUsage(cpu)
const stages = Object.entries(report.timings).map(([stage, ms]) => `${stage} ${(ms / 1e3).toFixed(1)}`)
console.log(
  `${report.layers.length} layers, ${source.length} bytes to ${report.bytes}, ${samples.length} samples (${Math.min(samples.length, options.images)} in the sweep), ${options.method}: ${((user + system) / 1e6).toFixed(1)} CPU s (${stages.join(', ')} s), peak RSS ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
)
