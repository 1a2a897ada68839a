import { type Session, withSession } from '@mixbit/adapter'
import { type Graph, type Grid, MixbitError, producers, type Tensors, toF32 } from '@mixbit/graph'
import type { CandidateDistances, SensitivityTable } from '@mixbit/sensitivity'
import type { Analysis } from './analyze.ts'
import { macsOf } from './bops.ts'
import { type Candidate, constant, type Layer } from './candidates.ts'
import { frontierOf } from './choose.ts'
import type { FullConfig } from './config.ts'
import type { Quantized } from './quantize.ts'
import type { CandidateGrid, NetworkNode, OutputSample, RunRecord, WeightHistogram } from './run-record.ts'

/** Most interest points, points of the frontier, and values of an output sample that a record keeps. */
const most = { points: 64, frontier: 256, values: 1024 }
const bins = 64

/**
 * Everything about a finished job that its pictures need, as plain data for JSON. Runs the float model and the written one on the
 * first sample.
 * @throws MixbitError `RUN_WITHOUT_ANALYSIS` for a bypassed job, which has nothing to show.
 */
export async function runRecord<Artifact>(quantized: Quantized<Artifact>): Promise<RunRecord> {
  const { analysis, report, table } = quantized
  if (!analysis)
    throw new MixbitError('RUN_WITHOUT_ANALYSIS', 'The job was bypassed: nothing was measured or chosen.', {
      hint: 'Leave debugConfig.bypass out.',
    })
  const { job } = analysis
  const [sample] = job.samples as [Tensors]
  const made = job.prepared.nodes.flatMap(({ outputs }) => outputs.filter((id) => id !== null))
  const float = await withSession(job.adapter, job.prepared, made, (session) => session.run(sample))
  const method = report.distanceWeightingMethod as FullConfig['mixedPrecisionConfig']['distanceWeightingMethod']
  const searched = report.mixedPrecision && analysis.measurand.layers.length > 0
  const frontier = searched ? frontierOf(analysis, { distanceWeightingMethod: method }) : []
  return {
    format: 'mixbit-run',
    version: 1,
    ...report,
    network: networkOf(analysis, float),
    sensitivity: table && sensitivityOf(table),
    frontier: spread(frontier, most.frontier),
    weightHistograms: analysis.layers.map((layer) => histogramOf(job.prepared, layer)),
    candidateGrids: analysis.layers.map(({ candidates }, i) =>
      candidates.map((candidate) => gridOf(candidate, quantized.assignment.weights[i]!, quantized.graph)),
    ),
    samples: await outputSamples(quantized, sample, float),
  }
}

/** Evenly spread elements with both ends, in order. */
function spread<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all]
  return Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / (count - 1))]!)
}

function networkOf({ job, layers, activations }: Analysis, float: Tensors): NetworkNode[] {
  const { prepared: graph } = job
  const makers = producers(graph)
  const layerOf = new Map(layers.flatMap(({ node, sharedWith }, i) => [node, ...sharedWith].map((id) => [id, i])))
  const quantizerOf = new Map(activations.flatMap(({ values }, i) => values.map((value) => [value, i] as const)))
  return graph.nodes.map((node) => {
    const [output = null] = node.outputs
    const shape = float.get(output ?? '')?.shape ?? graph.values.get(output ?? '')?.shape ?? null
    const sources = [...node.inputs, ...(node.captures ?? [])].flatMap((id) => makers.get(id ?? '')?.id ?? [])
    const weights = node.weights.map(({ input }) => constant(graph, node.inputs[input]!).shape)
    const macs = float.has(output ?? '')
      ? weights.reduce(
          (sum, weight) => sum + macsOf(node.kind, weight, float.get(output!)!.shape, node.weights[0]?.axis),
          0,
        )
      : 0
    return {
      id: node.id,
      op: node.op,
      kind: node.kind,
      inputs: [...new Set(sources)],
      shape,
      macs: node.macs ?? (macs || null),
      layer: layerOf.get(node.id) ?? null,
      activation: quantizerOf.get(output ?? '') ?? null,
    }
  })
}

/** Four digits are more than a picture shows. */
const short = (x: number): number => Number(x.toPrecision(4))
const mean = (values: readonly number[]): number =>
  short(values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length))

function sensitivityOf({ points, outputs, layers }: SensitivityTable): RunRecord['sensitivity'] {
  const kept = spread([...points.keys()], most.points)
  const means = ({ bits, points: at, outputs: ends, losses }: CandidateDistances) => ({
    bits,
    points: kept.map((i) => mean(at[i]!)),
    outputs: ends.map(mean),
    losses: losses.map(mean),
  })
  return {
    points: kept.map((i) => ({ node: points[i]!.node, value: points[i]!.value })),
    outputs: outputs.map(({ node, value }) => ({ node, value })),
    rows: layers.map(({ node, candidates }) => ({ node, candidates: candidates.map(means) })),
  }
}

function histogramOf(graph: Graph, { weights }: Layer): WeightHistogram {
  const all = weights.map((id) => toF32(constant(graph, id)))
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const data of all) for (const w of data) [min, max] = [Math.min(min, w), Math.max(max, w)]
  const counts = new Array<number>(bins).fill(0)
  const width = (max - min) / bins
  for (const data of all)
    for (const w of data) counts[width > 0 ? Math.min(bins - 1, Math.floor((w - min) / width)) : 0]!++
  return { min, max, counts }
}

/** The grid of a candidate; of the chosen one, as its weights were rounded in the end. */
function gridOf(candidate: Candidate, chosen: Candidate, quantized: Graph): CandidateGrid {
  const [first] = candidate.grids as [Candidate['grids'][number]]
  const written = candidate === chosen ? quantized.values.get(first.value)?.stored : undefined
  const grid = written ?? first.grid
  const widest = grid.scale.reduce((at, scale, i, all) => (scale > all[at]! ? i : at), 0)
  const points = integersOf(grid).map((q) => (q - grid.zeroPoint[widest]!) * grid.scale[widest]!)
  return {
    bits: candidate.bits,
    threshold: short(Math.max(...points.map(Math.abs))),
    scheme: candidate.scheme ?? (grid.zeroPoint.some((zero) => zero !== 0) ? 'uniform' : 'symmetric'),
    points: grid.bits <= 4 ? points.map(short) : null,
  }
}

/** What can be stored: all of it up to 4 bits, else both ends. */
function integersOf({ bits, signed, levels }: Grid): number[] {
  if (levels) return [...levels]
  const low = signed ? -(2 ** (bits - 1)) : 0
  const high = low + 2 ** bits - 1
  return bits <= 4 ? Array.from({ length: 2 ** bits }, (_, q) => low + q) : [low, high]
}

/** The written model, or its simulation where none can be opened, beside the float one. */
async function outputSamples<Artifact>(
  { analysis, artifact, graph }: Quantized<Artifact>,
  sample: Tensors,
  float: Tensors,
): Promise<OutputSample[]> {
  const { adapter, prepared } = analysis!.job
  const outputs = prepared.outputs.filter((id) => float.get(id)?.dtype === 'f32')
  const show = async (session: Session) => {
    const results = await session.run(sample)
    return outputs.map((output) => ({
      output,
      float: firstValues(float, output),
      quantized: firstValues(results, output),
    }))
  }
  if (artifact === null || !adapter.open) return withSession(adapter, graph, prepared.outputs, show)
  const opened = await adapter.open(artifact)
  try {
    return await show(opened)
  } finally {
    await opened.dispose()
  }
}

const firstValues = (tensors: Tensors, id: string): number[] => [
  ...toF32(tensors.get(id)!).slice(0, most.values).map(short),
]
