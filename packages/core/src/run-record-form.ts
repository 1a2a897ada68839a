import * as v from 'valibot'

// What the pictures read of a run record. More fields are let through: a newer minor version may write them.

/** A measured number; JSON has no Infinity, so the command line writes it as text. */
const measured = v.union([v.number(), v.picklist(['Infinity', '-Infinity', 'NaN'])])
const unmeasured = v.nullable(measured)
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const bits = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))
const texts = v.array(v.string())
const extents = v.array(v.union([v.number(), v.string()]))
const sizes = v.record(v.string(), v.nullable(v.number()))
const object = v.looseObject

const layer = object({
  node: v.string(),
  kind: v.string(),
  shape: v.array(v.number()),
  bits,
  bytes: v.number(),
  floatBytes: v.number(),
  sensitivity: unmeasured,
  candidates: v.array(object({ bits, bytes: v.number(), fileBytes: v.number(), sensitivity: unmeasured })),
  reason: v.string(),
})

const activation = object({
  value: v.string(),
  bits,
  sensitivity: unmeasured,
  candidates: v.array(object({ bits, sensitivity: unmeasured })),
})

const outputLayer = object({
  node: v.string(),
  output: v.string(),
  bits,
  activationBits: v.nullable(bits),
  starved: v.boolean(),
})

const distance = object({ output: v.string(), sqnr: measured, cosine: measured, top1Agreement: v.nullable(v.number()) })

const weighting = object({
  method: v.string(),
  bits: v.array(bits),
  activationBits: v.array(bits),
  weightsMemory: v.number(),
  outputLayers: v.array(outputLayer),
  // Records of earlier versions do not say so, but were so.
  asWritten: v.optional(v.boolean(), true),
  outputs: v.array(distance),
  outputLoss: measured,
})

const schedule = object({
  steps: v.array(object({ node: v.string(), bytes: v.number() })),
  peak: object({
    node: v.string(),
    bytes: v.number(),
    tensors: v.array(object({ value: v.string(), bits, bytes: v.number() })),
  }),
})

const place = object({ node: v.string(), value: v.string() })
const sensitivity = object({
  points: v.array(place),
  outputs: v.array(place),
  rows: v.array(object({ node: v.string(), candidates: v.array(object({ bits, points: v.array(measured) })) })),
})

const node = object({
  id: v.string(),
  op: v.string(),
  kind: v.string(),
  inputs: texts,
  shape: v.nullable(extents),
  macs: v.nullable(v.number()),
  layer: v.nullable(count),
  activation: v.nullable(count),
})

/** The form of a run record. */
export const runRecordForm = object({
  format: v.literal('mixbit-run'),
  version: v.literal(1),
  model: v.string(),
  targetPlatform: v.string(),
  mixedPrecision: v.boolean(),
  distanceWeightingMethod: v.string(),
  layers: v.array(layer),
  activations: v.array(activation),
  budget: sizes,
  utilization: sizes,
  floatUtilization: sizes,
  bytes: v.nullable(v.number()),
  transferBytes: v.nullable(object({ gzip: v.nullable(v.number()), brotli: v.nullable(v.number()) })),
  outputLayers: v.array(outputLayer),
  weightings: v.array(weighting),
  // Runs of before there were these have none.
  interactions: v.nullish(v.looseObject({})),
  remeasured: v.nullish(v.looseObject({})),
  rounding: v.array(object({ step: v.string(), outputLoss: measured })),
  corrections: v.array(object({ option: v.string(), nodes: texts })),
  similarity: v.array(object({ node: v.string(), value: v.string(), sqnr: measured })),
  schedule: v.nullable(schedule),
  distances: object({
    toFloat: v.array(distance),
    toSimulation: v.array(object({ output: v.string(), sqnr: measured })),
  }),
  sensitivitySamples: v.nullish(v.number()),
  warnings: texts,
  timings: v.record(v.string(), v.number()),
  network: v.array(node),
  sensitivity: v.nullable(sensitivity),
  frontier: v.array(object({ weightsMemory: v.number(), sensitivity: measured })),
  weightHistograms: v.array(object({ min: v.number(), max: v.number(), counts: v.array(v.number()) })),
  candidateGrids: v.array(
    v.array(object({ bits, threshold: v.number(), scheme: v.string(), points: v.nullable(v.array(v.number())) })),
  ),
  samples: v.array(object({ output: v.string(), float: v.array(measured), quantized: v.array(measured) })),
})
