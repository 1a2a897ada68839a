// Chains of five dense layers, seeded and random: the output distance of what each weighting chooses, beside the best of
// all 243 assignments that fit; then the same by the model output loss (KL) with interactions and measured changes.
// `node bench/chains.mjs [chains]`
import { analyze, compareWeightings, quantizeFrom, targetPlatform, withWeightBits } from '@mixbit/core'
import { parseGraph } from '@mixbit/graph'
import { encodeOnnx, onnx } from '@mixbit/onnx'
import { fakeQuantize, searchGrid } from '@mixbit/quantizers'

const chains = Number(process.argv[2] ?? 150)
const [layers, width, count] = [5, 12, 16]
const widths = [8, 4, 2]
const adapter = onnx({ threads: 1 })

/** Normal numbers from a seed (mulberry32, Box-Muller). */
function normal(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}
const array = (size, next, scale = 1) => Float32Array.from({ length: size }, () => next() * scale)

const lines = Array.from({ length: layers }, (_, i) => {
  const dense = `%a${i}: f32[1,${width}] = MatMul(%${i === 0 ? 'x' : `r${i - 1}`}, %w${i})`
  return i < layers - 1 ? `${dense}\n%r${i}: f32[1,${width}] = Relu(%a${i})` : dense
})
const weightInputs = Array.from({ length: layers }, (_, i) => `%w${i}: f32[${width},${width}]`)
const text = `graph chain(%x: f32[1,${width}], ${weightInputs.join(', ')}) { ${lines.join('\n')} return %a${layers - 1} }`
const open = { ...parseGraph(text), meta: { opsets: { '': 17 }, irVersion: 8 } }
const free = { ...open, nodes: open.nodes.map((node) => ({ ...node, weights: [] })) }
const session = await adapter.compile(free, free.outputs)

const cosine = (a, b) => {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i]
    aa += a[i] * a[i]
    bb += b[i] * b[i]
  }
  return dot / (Math.sqrt(aa * bb) + 1e-8)
}

/** KL divergence of the softmax of two rows of logits. */
function divergence(f, q) {
  const logs = (row) => {
    const top = Math.max(...row)
    const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0))
    return Array.from(row, (x) => x - top - total)
  }
  const [a, b] = [logs(f), logs(q)]
  return a.reduce((sum, x, i) => sum + Math.exp(x) * (x - b[i]), 0)
}

/** Mean cosine distance and mean KL divergence at the output for one choice of weights. */
async function distance(weights, samples, float) {
  let [sum, kl] = [0, 0]
  for (const [s, sample] of samples.entries()) {
    const feeds = new Map([
      ...sample,
      ...weights.map((data, i) => [`w${i}`, { dtype: 'f32', shape: [width, width], data }]),
    ])
    const { data } = (await session.run(feeds)).get(`a${layers - 1}`)
    sum += (1 - cosine(float[s], data)) / 2
    kl += divergence(float[s], data)
  }
  return { loss: sum / samples.length, kl: kl / samples.length }
}

const extras = {
  interactions: { interactions: true },
  'remeasure 3': { remeasure: 3 },
  both: { interactions: true, remeasure: 3 },
}
const budgets = [0.15, 0.125, 0.1]
const sums = new Map()
const add = (budget, name, value) =>
  sums.set(`${budget} ${name}`, (sums.get(`${budget} ${name}`) ?? 0) + value / chains)
const wins = { better: 0, worse: 0, equal: 0 }
for (let seed = 1; seed <= chains; seed++) {
  const next = normal(seed)
  const weights = Array.from({ length: layers }, () => array(width * width, next, Math.exp(next()) / Math.sqrt(width)))
  const samples = Array.from(
    { length: count },
    () => new Map([['x', { dtype: 'f32', shape: [1, width], data: array(width, next) }]]),
  )
  const values = new Map(open.values)
  for (const [i, data] of weights.entries())
    values.set(`w${i}`, {
      id: `w${i}`,
      dtype: 'f32',
      shape: [width, width],
      tensor: { dtype: 'f32', shape: [width, width], data },
    })
  const source = encodeOnnx({ ...free, values, inputs: ['x'] })
  const quantized = weights.map((data) =>
    widths.map((bits) => {
      const shape = [width, width]
      return fakeQuantize(data, shape, searchGrid({ data, shape, axis: 1, bits, scheme: 'symmetric' }))
    }),
  )
  const float = []
  for (const sample of samples)
    float.push(
      (
        await session.run(
          new Map([...sample, ...weights.map((data, i) => [`w${i}`, { dtype: 'f32', shape: [width, width], data }])]),
        )
      )
        .get(`a${layers - 1}`)
        .data.slice(),
    )
  const all = []
  for (let code = 0; code < 3 ** layers; code++) {
    const picks = Array.from({ length: layers }, (_, i) => Math.floor(code / 3 ** i) % 3)
    all.push({
      bits: picks.map((k) => widths[k]),
      bytes: picks.reduce((total, k) => total + (width * width * widths[k]) / 8, 0),
      ...(await distance(
        picks.map((k, i) => quantized[i][k]),
        samples,
        float,
      )),
    })
  }
  for (const budget of budgets) {
    const limit = budget * layers * width * width * 4
    const optimum = Math.min(...all.filter(({ bytes }) => bytes <= limit).map(({ loss }) => loss))
    add(budget, 'optimum', optimum)
    const targetResourceUtilization = { weightsMemory: limit }
    const options = (mixedPrecisionConfig) => ({
      adapter,
      representativeDataset: samples,
      targetPlatform: withWeightBits(targetPlatform('weights-only'), widths),
      // Nearest rounding, so that every assignment can be tried.
      coreConfig: {
        mixedPrecisionConfig: { numOfImages: count, ...mixedPrecisionConfig },
        quantizationConfig: { weightsRounding: 'nearest', weightsBiasCorrection: false },
      },
    })
    const { choices } = await compareWeightings(source, { ...options({}), targetResourceUtilization })
    const klOf = (bits) => all.find((one) => `${one.bits}` === `${bits}`).kl
    for (const { method, bits } of choices) if (method === 'OUTPUT') add(budget, 'by KL: OUTPUT', klOf(bits))
    add(budget, 'by KL: optimum', Math.min(...all.filter(({ bytes }) => bytes <= limit).map(({ kl }) => kl)))
    for (const [name, extra] of Object.entries(extras)) {
      const analysis = await analyze(source, options({ distanceWeightingMethod: 'OUTPUT', ...extra }))
      const { report } = await quantizeFrom(analysis, { targetResourceUtilization })
      add(budget, `by KL: ${name}`, klOf(report.layers.map(({ bits }) => bits)))
    }
    const losses = {}
    for (const { method, bits } of choices) {
      losses[method] = all.find((one) => `${one.bits}` === `${bits}`).loss
      add(budget, method, losses[method])
    }
    const best = choices.reduce((a, b) => (b.outputLoss < a.outputLoss ? b : a))
    add(budget, 'BEST', losses[best.method])
    const gain = losses.AVG - losses.LAST_LAYER
    wins[gain > 1e-12 ? 'better' : gain < -1e-12 ? 'worse' : 'equal']++
  }
}
const names = ['AVG', 'EXP', 'LAST_LAYER', 'HESSIAN', 'OUTPUT', 'BEST', 'optimum']
console.log(`${chains} chains; mean cosine distance at the output of the whole assignment`)
console.log(['budget', ...names].map((name) => name.padStart(11)).join(''))
for (const budget of budgets)
  console.log(
    [budget, ...names.map((name) => sums.get(`${budget} ${name}`).toFixed(4))]
      .map((cell) => String(cell).padStart(11))
      .join(''),
  )
const mean = (name) =>
  budgets.reduce((sum, budget) => sum + sums.get(`${budget} ${name}`) / budgets.length, 0).toFixed(4)
console.log(['mean', ...names.map(mean)].map((cell) => cell.padStart(11)).join(''))
const losses = ['OUTPUT', ...Object.keys(extras), 'optimum']
console.log('\nmean KL divergence at the output')
console.log(['budget', ...losses].map((name) => name.padStart(14)).join(''))
for (const budget of budgets)
  console.log(
    [budget, ...losses.map((name) => sums.get(`${budget} by KL: ${name}`).toFixed(4))]
      .map((cell) => String(cell).padStart(14))
      .join(''),
  )
console.log(
  `LAST_LAYER against AVG: better in ${wins.better}, worse in ${wins.worse}, equal in ${wins.equal} of ${chains * budgets.length}`,
)
