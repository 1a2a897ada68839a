// What the scores of HESSIAN cost by forward differences, and how sure they are. `node bench/hessian.mjs [model ...]`
import { foldBatchNorm, foldConstants, rewrite } from '@mixbit/graph'
import { onnx } from '@mixbit/onnx'
import { hessianScores, interestPoints } from '@mixbit/sensitivity'
import { modelBytes, models, sharedIsThere } from './models.mjs'

if (!sharedIsThere) {
  console.log('The shared models are not here: nothing was measured.')
  process.exit(0)
}
const adapter = onnx({ threads: 1 })
const names = process.argv.slice(2)
for (const name of names.length > 0 ? names : ['resnet20', 'mobilenet_v1']) {
  const graph = rewrite(await adapter.read(modelBytes(name)), [foldConstants, foldBatchNorm])
  const samples = (await models[name].samples(32)).map(({ feed }) => feed)
  const { points } = interestPoints(graph)
  for (const tolerance of [0.1, 0.05]) {
    const start = process.cpuUsage()
    const scores = await hessianScores({ adapter, graph, points, samples, tolerance })
    const { user, system } = process.cpuUsage(start)
    const runs = scores.reduce((sum, { directions }) => sum + directions * samples.length, 0)
    const worst = Math.max(...scores.map(({ score, standardError }) => standardError / score))
    console.log(
      `${name}, tolerance ${tolerance}: ${((user + system) / 1e6).toFixed(2)} CPU s, ${runs} forward passes for ${points.length} points, largest standard error ${(100 * worst).toFixed(1)} %`,
    )
  }
}
