import { analyze, measureHessian as hessianOf, type JobOptions } from '@mixbit/core'
import { checkpointFor, rowsIn, storeOf } from './checkpoint.ts'
import { type Desk, type Measured, need } from './desk.ts'
import type { AnalysisSummary, SweepSettings } from './protocol.ts'
import type { Artifact } from './runtimes.ts'
import type { Hands } from './serve.ts'

/** The options of core that the settings of the page stand for; scripts and the command line say the same. */
export function jobOptions(desk: Desk, settings: SweepSettings): JobOptions<unknown, Artifact> {
  const { adapter } = need(desk.model, 'model')
  const { targetPlatform, numOfImages, weightsRounding } = settings
  return {
    adapter,
    representativeDataset: need(desk.data.calibration, 'calibration data').feeds,
    targetPlatform,
    coreConfig: {
      quantizationConfig: { weightsRounding },
      mixedPrecisionConfig: { numOfImages },
      debugConfig: { simulateScheduler: true },
    },
  }
}

/** The sweep. Rows that a cancelled run with the same settings has measured are not measured again. */
export async function analyzeModel(desk: Desk, settings: SweepSettings, hands: Hands): Promise<AnalysisSummary> {
  const { source } = need(desk.model, 'model')
  const checkpoint = checkpointFor(settings, desk.checkpoint)
  desk.checkpoint = checkpoint
  const resumedRows = rowsIn(checkpoint)
  const start = performance.now()
  const analysis = await analyze(source, {
    ...jobOptions(desk, settings),
    ...hands,
    resources: settings.resources,
    checkpoint: storeOf(checkpoint),
  })
  desk.measured = { analysis, settings, resumedRows, hessianMeasured: false, milliseconds: performance.now() - start }
  return summaryOf(desk.measured)
}

/** The scores of HESSIAN, which the sweep does not give. */
export async function measureHessian(desk: Desk, hands: Hands): Promise<AnalysisSummary> {
  const measured = need(desk.measured, 'sweep')
  const analysis = await hessianOf(measured.analysis, hands)
  desk.measured = { ...measured, analysis, hessianMeasured: true }
  return summaryOf(desk.measured)
}

const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length)

function summaryOf({ analysis, ...rest }: Measured): AnalysisSummary {
  const { layers, activations } = analysis
  const table = need(analysis.table, 'table of distances')
  const place = ({ node, value }: { node: string; value: string }) => ({ node, value })
  return {
    layers: layers.map(({ node, kind, shape, floatBytes, candidates }) => ({
      node,
      kind,
      shape,
      floatBytes,
      candidates: candidates.map(({ bits, weightsBytes }) => ({ bits, bytes: weightsBytes })),
    })),
    activations: activations.map(({ value, candidates }) => ({
      value,
      candidates: candidates.map(({ bits }) => bits),
    })),
    sensitivity: {
      points: table.points.map(place),
      outputs: table.outputs.map(place),
      rows: table.layers.map(({ node, candidates }) => ({
        node,
        candidates: candidates.map(({ bits, points, outputs, losses }) => ({
          bits,
          points: points.map(mean),
          outputs: outputs.map(mean),
          losses: losses.map(mean),
        })),
      })),
    },
    float: { weightsMemory: analysis.floatWeightsMemory },
    resumedRows: rest.resumedRows,
    hessianMeasured: rest.hessianMeasured,
    milliseconds: rest.milliseconds,
  }
}
