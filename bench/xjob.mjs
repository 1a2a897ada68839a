import { quantize, targetPlatform } from '@mixbit/core'
import { onnx } from '@mixbit/onnx'
import { modelBytes, models } from './models.mjs'
const bits = process.env.BITS
const base = targetPlatform('onnxruntime-cpu')
const platform = bits ? { ...base, weights: { ...base.weights, bits: bits.split(',').map(Number) } } : base
const adapter = onnx({ threads: 1 })
const source = modelBytes('resnet20')
const data = models.resnet20.samples(Number(process.env.SAMPLES ?? 512)).map(({ feed }) => feed)
for (let i = 0; i < Number(process.env.REPS ?? 1); i++) {
const c = process.cpuUsage(); const t = performance.now()
const { report } = await quantize(source, { adapter, representativeDataset: data, targetPlatform: platform, targetResourceUtilization: { weightsMemory: '10%' }, coreConfig: { quantizationConfig: { weightsRounding: process.env.R ?? 'errorCompensating' } } })
const u = process.cpuUsage(c)
console.log(((u.user + u.system) / 1e6).toFixed(2), 'CPU', ((performance.now() - t) / 1e3).toFixed(2), 'wall', Object.entries(report.timings).map(([k, v]) => k + ' ' + (v / 1000).toFixed(2)).join(' '))
}
