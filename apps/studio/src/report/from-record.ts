// From a run record to the props of the pictures.
import type { RunRecord } from '@mixbit/core'
import type { BitsByDepthProps, BitsChoice } from '../pictures/bits-by-depth.tsx'
import { bitsText, bytes, decibel, percent } from '../pictures/format.ts'
import type { NodePanelProps } from '../pictures/node-panel.tsx'
import type { HeatRow } from '../pictures/sensitivity-heat-map.tsx'

type Ends = RunRecord['outputLayers']
const starvedIn = (ends: Ends): string[] => [...new Set(ends.filter(({ starved }) => starved).map(({ node }) => node))]

/** The layers right before an output that have too few bits. */
export const starvedNodes = ({ outputLayers }: RunRecord): string[] => starvedIn(outputLayers)

/**
 * The weighting that the choice stands beside: LAST_LAYER beside AVG, else the best of the others; null when none would choose
 * otherwise.
 */
export function rivalOf({
  weightings,
  distanceWeightingMethod: own,
}: RunRecord): RunRecord['weightings'][number] | null {
  const bitsOf = ({ bits, activationBits }: RunRecord['weightings'][number]) => `${bits}/${activationBits}`
  const used = weightings.find(({ method }) => method === own)
  const others = weightings.filter((one) => one.method !== own && (!used || bitsOf(one) !== bitsOf(used)))
  const named = own === 'AVG' ? others.find(({ method }) => method === 'LAST_LAYER') : undefined
  return named ?? others.toSorted((a, b) => a.outputLoss - b.outputLoss)[0] ?? null
}

/** Bits of the layers, beside those of another weighting when the report has one. */
export function weightBits(record: RunRecord): BitsByDepthProps {
  const rival = rivalOf(record)
  const choices: BitsChoice[] = [
    {
      name: record.mixedPrecision ? record.distanceWeightingMethod : 'chosen',
      bits: record.layers.map(({ bits }) => bits),
      starved: starvedNodes(record),
    },
    ...(rival ? [{ name: rival.method, bits: rival.bits, starved: starvedIn(rival.outputLayers) }] : []),
  ]
  return { nodes: record.layers.map(({ node }) => node), choices }
}

/** Bits of the activations in the same way. */
export function activationBits(record: RunRecord): BitsByDepthProps {
  const rival = rivalOf(record)
  const name = record.mixedPrecision ? record.distanceWeightingMethod : 'chosen'
  return {
    of: 'activations',
    nodes: record.activations.map(({ value }) => value),
    choices: [
      { name, bits: record.activations.map(({ bits }) => bits) },
      ...(rival && rival.activationBits.length === record.activations.length
        ? [{ name: rival.method, bits: rival.activationBits }]
        : []),
    ],
  }
}

/** The sensitivities of all layers. */
export const layerHeat = ({ layers }: RunRecord): HeatRow[] =>
  layers.map(({ node, bits, candidates }) => ({ node, chosen: bits, candidates }))

/** The sensitivities of all activations. */
export const activationHeat = ({ activations }: RunRecord): HeatRow[] =>
  activations.map(({ value, bits, candidates }) => ({ node: value, chosen: bits, candidates }))

/** The bits that the rows of the sweep got: rows are layers or activations. */
export function chosenBits({ sensitivity, layers, activations }: RunRecord): (number | null)[] {
  const bits = new Map<string, number>([
    ...activations.map(({ value, bits }) => [value, bits] as const),
    ...layers.map(({ node, bits }) => [node, bits] as const),
  ])
  return (sensitivity?.rows ?? []).map(({ node }) => bits.get(node) ?? null)
}

/** What the panel of a node shows; null for a node that there is not. */
export function panelOf(record: RunRecord, id: string): NodePanelProps | null {
  const node = record.network.find((one) => one.id === id)
  if (!node) return null
  const { layer, activation } = node
  return {
    node,
    layer:
      layer === null
        ? null
        : { ...record.layers[layer]!, histogram: record.weightHistograms[layer], grids: record.candidateGrids[layer] },
    activation: activation === null ? null : record.activations[activation]!,
    starves: record.outputLayers.filter((end) => end.node === id && end.starved).map(({ output }) => output),
  }
}

/** The layer that cost most: a starved one, else the one with the largest chosen sensitivity; null without layers. */
export function weakestLayer(record: RunRecord): string | null {
  const [starved] = starvedNodes(record)
  if (starved) return starved
  const measured = record.layers.filter(({ sensitivity }) => sensitivity !== null)
  if (measured.length === 0) return record.layers[0]?.node ?? null
  return measured.reduce((a, b) => (b.sensitivity! > a.sensitivity! ? b : a)).node
}

/** The run in one sentence: the size, what it cost, the weakest spot. */
export function verdict(record: RunRecord): string {
  const { layers, bytes: size, floatUtilization: float, utilization, distances } = record
  const file = size !== null && float.fileSize !== null
  const [now, before] = file ? [size, float.fileSize!] : [utilization.weightsMemory, float.weightsMemory]
  const shrunk = `${file ? 'A file' : 'Weights'} of ${bytes(before)} became ${bytes(now)} (${percent(now / before)})`
  const worst = distances.toFloat.toSorted((a, b) => a.sqnr - b.sqnr)[0]
  const agreement = worst?.top1Agreement ?? null
  const cost = worst
    ? `, at ${decibel(worst.sqnr)} SQNR${agreement === null ? '' : ` and ${percent(agreement)} top-1 agreement`} with the float model`
    : ''
  const starved = starvedNodes(record)
  const layer = layers.find(({ node }) => node === weakestLayer(record))
  if (!layer || (!record.mixedPrecision && starved.length === 0)) return `${shrunk}${cost}.`
  const why = starved.includes(layer.node) ? ' right before an output' : ''
  return `${shrunk}${cost}; the weakest spot is ${layer.node} with ${bitsText(layer.bits)}${why}.`
}
