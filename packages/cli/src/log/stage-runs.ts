import type { Analysis, GraphStage, Quantized, QuantizeReport } from '@mixbit/core'
import { type Graph, producers, toF32, type ValueId } from '@mixbit/graph'
import {
  type Attributes,
  bitWidthFigure,
  channelEntries,
  type Entry,
  type Histogram,
  type Notes,
  statisticsEntries,
  thresholds,
} from '@mixbit/tensorboard'

/** What there is to show of a run of `quantize`. */
export interface StageInputs {
  /** As core's `onGraph` handed them out. */
  readonly graphs: ReadonlyMap<GraphStage, Graph>
  readonly quantized: Pick<Quantized, 'analysis' | 'report'>
  /** Of the float graph, by value. */
  readonly activations: ReadonlyMap<ValueId, Histogram>
}

/**
 * One TensorBoard run for each stage, under MCT's names, and one with figures. Stages that do not change the graph show it with
 * what they found out. Names and order: MCT's `core/runner.py`.
 */
export function stageRuns({ graphs, quantized, activations }: StageInputs): Map<string, Entry[]> {
  const { analysis, report } = quantized
  const runs = new Map<string, Entry[]>([...graphs].map(([stage, graph]) => [stage, [{ graph }]]))
  if (!analysis) return runs
  const graph = analysis.job.prepared
  const show = (notes: Notes): Entry[] => [{ graph, notes }]
  const candidates = candidateNotes(analysis)
  const measured = joined(candidates, sensitivityNotes(report, graph))
  runs.set('after_graph_marking', show(markNotes(analysis)))
  runs.set('after_candidates_filtering', show(candidates))
  runs.set('after_statistic_collection', [
    ...show(candidates),
    ...activationEntries(graph, activations),
    ...weightEntries(graph),
  ])
  runs.set('thresholds_selection', show(joined(candidates, thresholdNotes(analysis))))
  runs.set('after_shift_negative_correction', show(correctionNotes(report)))
  runs.set('statistics_computation', [...show(measured), ...sensitivityEntries(report)])
  const last = graphs.get('after_statistics_correction')
  const reasons = new Map(report.layers.map(({ node, reason }) => [node, { why: reason }]))
  const notes = joined(measured, reasons, similarityNotes(report))
  if (last) runs.set('after_statistics_correction', [{ graph: last, notes }, ...weightEntries(last)])
  runs.set('figures', figures(report))
  return runs
}

/** Several notes of one node side by side. */
function joined(...all: readonly Notes[]): Notes {
  const merged = new Map<string, Attributes>()
  for (const notes of all) for (const [id, attributes] of notes) merged.set(id, { ...merged.get(id), ...attributes })
  return merged
}

/** TensorBoard groups tags by what stands before the first slash. */
const tagOf = (node: string): string => node.replace(/^\/+/, '')

/** The node that makes an activation; a graph input stands for itself. */
function nodesOf(graph: Graph): (value: ValueId) => string {
  const makers = producers(graph)
  return (value) => makers.get(value)?.id ?? value
}

const markNotes = ({ layers, activations, job }: Analysis): Notes =>
  joined(
    new Map(layers.map(({ node }) => [node, { weights_quantized: 'yes' }])),
    notesByMaker(job.prepared, activations, () => ({ activation_quantized: 'yes' })),
  )

function notesByMaker<Row extends { readonly value: ValueId }>(
  graph: Graph,
  rows: readonly Row[],
  note: (row: Row) => Attributes,
): Notes {
  const nodeOf = nodesOf(graph)
  return new Map(rows.map((row) => [nodeOf(row.value), note(row)]))
}

const widths = (candidates: readonly { readonly bits: number }[]) => candidates.map(({ bits }) => bits).join(' ')

const candidateNotes = ({ layers, activations, job }: Analysis): Notes =>
  joined(
    new Map(layers.map(({ node, candidates }) => [node, { weights_candidates: widths(candidates) }])),
    notesByMaker(job.prepared, activations, ({ candidates }) => ({ activation_candidates: widths(candidates) })),
  )

/** `weights_threshold_8_bits`: the largest absolute value on the candidate's grid. */
const thresholdNotes = ({ layers, activations, job }: Analysis): Notes =>
  joined(
    new Map(
      layers.map(({ node, candidates }) => [
        node,
        Object.fromEntries(
          candidates.map(({ bits, grids }) => [`weights_threshold_${bits}_bits`, thresholds(grids[0]!.grid).largest]),
        ),
      ]),
    ),
    notesByMaker(job.prepared, activations, ({ candidates }) =>
      Object.fromEntries(
        candidates.map(({ bits, grid }) => [`activation_threshold_${bits}_bits`, thresholds(grid).largest]),
      ),
    ),
  )

const correctionNotes = ({ corrections }: QuantizeReport): Notes =>
  joined(...corrections.map(({ option, nodes }) => new Map(nodes.map((node) => [node, { corrected: option }]))))

const known = (what: string, candidates: readonly { readonly bits: number; readonly sensitivity: number | null }[]) =>
  Object.fromEntries(
    candidates.flatMap(({ bits, sensitivity }) =>
      sensitivity === null ? [] : [[`${what}_sensitivity_${bits}_bits`, sensitivity]],
    ),
  )

const sensitivityNotes = ({ layers, activations }: QuantizeReport, graph: Graph): Notes =>
  joined(
    new Map(layers.map(({ node, candidates }) => [node, known('weights', candidates)])),
    notesByMaker(graph, activations, ({ candidates }) => known('activation', candidates)),
  )

/** One curve for each bit-width; the step is the place of the layer. */
const sensitivityEntries = ({ layers, activations }: QuantizeReport): Entry[] =>
  Object.entries({ weights: layers, activations }).flatMap(([what, rows]) =>
    rows.flatMap(({ candidates }, step) =>
      candidates.flatMap(({ bits, sensitivity }) =>
        sensitivity === null ? [] : [{ tag: `sensitivity of ${what}/${bits} bits`, step, scalar: sensitivity }],
      ),
    ),
  )

const similarityNotes = ({ similarity }: QuantizeReport): Notes =>
  new Map(similarity.map(({ node, sqnr, cosine, mse }) => [node, { sqnr, cosine, mse }]))

/** Every quantizable weight of every node: its histogram, and the values of each output channel. */
const weightEntries = (graph: Graph): Entry[] =>
  graph.nodes.flatMap((node) =>
    node.weights.flatMap(({ input, axis }, i) => {
      const tensor = graph.values.get(node.inputs[input] ?? '')?.tensor
      const tag = `${tagOf(node.id)}/weights${i > 0 ? ` ${i + 1}` : ''}`
      return tensor ? channelEntries(tag, toF32(tensor), tensor.shape, axis) : []
    }),
  )

function activationEntries(graph: Graph, activations: StageInputs['activations']): Entry[] {
  const nodeOf = nodesOf(graph)
  return [...activations].flatMap(([value, histogram]) =>
    statisticsEntries(`${tagOf(nodeOf(value))}/activation`, histogram),
  )
}

/** Bits along the network, and how close every node is where that was measured. */
function figures({ layers, activations, similarity }: QuantizeReport): Entry[] {
  const weights = layers.map(({ node, bits }) => ({ name: node, bits }))
  const values = activations.map(({ value, bits }) => ({ name: value, bits }))
  return [
    ...bitWidthFigure('Weights final bit-width config', weights),
    ...(values.length > 0 ? bitWidthFigure('Activation final bit-width config', values) : []),
    ...similarity.flatMap(({ sqnr, cosine, mse }, step) =>
      Object.entries({ sqnr, cosine, mse }).map(([name, scalar]) => ({ tag: `similarity/${name}`, step, scalar })),
    ),
  ]
}
