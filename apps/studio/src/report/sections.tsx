import type { RunRecord } from '@mixbit/core'
import { type ReactNode, useMemo } from 'react'
import type { LayoutNetwork } from '../layout/layout-network.ts'
import { BitsByDepth } from '../pictures/bits-by-depth.tsx'
import { DistanceHeatMap } from '../pictures/distance-heat-map.tsx'
import { Facts } from '../pictures/facts.tsx'
import { FrontierPlot } from '../pictures/frontier-plot.tsx'
import { NetworkGraph } from '../pictures/network-graph.tsx'
import { NodePanel } from '../pictures/node-panel.tsx'
import { OutputSamplePlot } from '../pictures/output-sample-plot.tsx'
import { RoundingSteps } from '../pictures/rounding-steps.tsx'
import { ScheduleChart } from '../pictures/schedule-chart.tsx'
import { SensitivityHeatMap } from '../pictures/sensitivity-heat-map.tsx'
import { SimilarityPlot } from '../pictures/similarity-plot.tsx'
import { Timings } from '../pictures/timings.tsx'
import { WeightingTable } from '../pictures/weighting-table.tsx'
import {
  activationBits,
  activationHeat,
  chosenBits,
  layerHeat,
  panelOf,
  starvedNodes,
  weightBits,
} from './from-record.ts'

/** One picture of a report with its heading. */
export interface Section {
  readonly id: string
  readonly title: string
  readonly lead: string
  readonly body: ReactNode
}

export interface Picking {
  readonly picked: string | null
  readonly pick: (node: string) => void
  readonly layout?: LayoutNetwork | undefined
}

/** The sections that a run has data for, those first that follow the picked node. */
export function useSections(record: RunRecord, picking: Picking): Section[] {
  // The others stay the same elements, so that a pick does not draw them anew.
  const still = useMemo(() => stillSections(record), [record])
  return [factsSection(record), ...usePickedSections(record, picking), ...still].filter((section) => section !== false)
}

const factsSection = (record: RunRecord): Section => ({
  id: 'facts',
  title: 'Sizes and distances',
  lead: 'What the written file takes, and how far its outputs are from those of the float model.',
  body: <Facts report={record} />,
})

function usePickedSections(record: RunRecord, { picked, pick, layout }: Picking): (Section | false)[] {
  const { starved, bits, outputBits, graphBits, heat, outputHeat } = useMemo(
    () => ({
      starved: starvedNodes(record),
      bits: weightBits(record),
      outputBits: activationBits(record),
      graphBits: [record.layers.map((layer) => layer.bits), record.activations.map((one) => one.bits)] as const,
      heat: layerHeat(record),
      outputHeat: activationHeat(record),
    }),
    [record],
  )
  const panel = useMemo(() => (picked === null ? null : panelOf(record, picked)), [record, picked])
  const measured = record.layers.some(({ sensitivity }) => sensitivity !== null)
  return [
    record.layers.length > 0 && {
      id: 'bits',
      title: 'Bits along the depth',
      lead: 'Every quantized layer from the input to the output. Choose one to see it in the network below.',
      body: (
        <>
          <BitsByDepth {...bits} picked={picked} onPick={pick} />
          {record.activations.length > 0 && (
            <>
              <h3>Activations</h3>
              <BitsByDepth {...outputBits} />
            </>
          )}
        </>
      ),
    },
    record.network.length > 0 && {
      id: 'network',
      title: 'The network',
      lead: 'Coloured by bit-width. Choose a node for its weights, its candidates, and why it got its bits.',
      body: (
        <div className="report-network">
          <NetworkGraph
            nodes={record.network}
            bits={graphBits[0]}
            activationBits={graphBits[1]}
            starved={starved}
            picked={picked}
            onPick={pick}
            {...(layout && { layout })}
          />
          <div className="report-panel">
            {panel ? <NodePanel {...panel} /> : <p className="pic-soft">No node is chosen.</p>}
          </div>
        </div>
      ),
    },
    measured && {
      id: 'sensitivity',
      title: 'Sensitivity',
      lead: `How much each bit-width of each layer hurts, everything else in float, as ${record.distanceWeightingMethod} weighs the distances.`,
      body: (
        <>
          <SensitivityHeatMap rows={heat} picked={picked} onPick={pick} />
          {record.activations.some(({ sensitivity }) => sensitivity !== null) && (
            <>
              <h3>Activations</h3>
              <SensitivityHeatMap rows={outputHeat} what="activation" />
            </>
          )}
        </>
      ),
    },
  ]
}

function stillSections(record: RunRecord): (Section | false)[] {
  return [
    record.sensitivity !== null &&
      record.sensitivity.points.length > 0 && {
        id: 'distances',
        title: 'Where the distances arise',
        lead: 'One layer at a time is quantized; this is how far every interest point behind it moves. A weighting makes one number of a row.',
        body: <DistanceHeatMap sensitivity={record.sensitivity} chosen={chosenBits(record)} />,
      },
    record.frontier.length > 1 && {
      id: 'frontier',
      title: 'What more bytes would buy',
      lead: 'The least sensitivity that every size of the weights allows.',
      body: (
        <FrontierPlot
          points={record.frontier}
          chosen={chosenPoint(record)}
          floatBytes={record.floatUtilization.weightsMemory}
          budget={record.budget.weightsMemory}
        />
      ),
    },
    record.weightings.length > 0 && {
      id: 'weightings',
      title: 'Distance weightings',
      lead: 'What each weighting would choose under the same budget, from the same distances, and what its model measures.',
      body: <WeightingTable weightings={record.weightings} chosen={record.distanceWeightingMethod} />,
    },
    record.samples.length > 0 && {
      id: 'samples',
      title: 'Outputs on a sample',
      lead: 'The first sample through the float model and through the quantized one.',
      body: record.samples.map((sample) => <OutputSamplePlot key={sample.output} {...sample} />),
    },
    record.similarity.length > 0 && {
      id: 'similarity',
      title: 'Node by node',
      lead: 'How close the quantized model stays to the float model on its way through the network.',
      body: <SimilarityPlot similarity={record.similarity} />,
    },
    record.schedule !== null && {
      id: 'schedule',
      title: 'Activation memory',
      lead: 'What is alive while the model runs, node by node, for one sample.',
      body: <ScheduleChart schedule={record.schedule} budget={record.budget.activationMemory} />,
    },
    record.rounding.length > 0 && {
      id: 'rounding',
      title: 'What the rounding bought',
      lead: 'The same bits, with one more ingredient of the rounding at a time.',
      body: <RoundingSteps steps={record.rounding} />,
    },
    record.corrections.length > 0 && {
      id: 'corrections',
      title: 'Corrections',
      lead: 'What was changed in the float model before, so that it quantizes more easily.',
      body: (
        <ul className="report-list">
          {record.corrections.map(({ option, nodes }) => (
            <li key={option}>
              <code>{option}</code> at {nodes.join(', ')}
            </li>
          ))}
        </ul>
      ),
    },
    Object.keys(record.timings).length > 0 && {
      id: 'timings',
      title: 'Time',
      lead: 'How long each stage took.',
      body: <Timings timings={record.timings} />,
    },
  ]
}

/** Where the run lies in the plane of the frontier. */
function chosenPoint({ layers, utilization }: RunRecord) {
  const sensitivity = layers.reduce((sum, layer) => sum + (layer.sensitivity ?? 0), 0)
  return [{ name: 'chosen', weightsMemory: utilization.weightsMemory, sensitivity }]
}
