import { type Session, withSession } from '@mixbit/adapter'
import { quantizeFrom, runRecord } from '@mixbit/core'
import { zipSync } from 'fflate'
import { accuracyOf } from './accuracy.ts'
import { requestOf } from './budget.ts'
import { type Desk, need } from './desk.ts'
import type { QuantizeRequest, Result } from './protocol.ts'
import type { Artifact } from './runtimes.ts'
import type { Hands } from './serve.ts'

/** Rounds, writes, opens and compares the model of one weighting, and counts its right answers. */
export async function quantizeModel(
  desk: Desk,
  { budgets, weighting }: QuantizeRequest,
  hands: Hands,
): Promise<Result> {
  const { analysis } = need(desk.measured, 'sweep')
  const start = performance.now()
  const quantized = await quantizeFrom(analysis, { ...requestOf(budgets, weighting), ...hands })
  const record = await runRecord(quantized)
  const artifact = need(quantized.artifact, 'file')
  const accuracy = await accuracies(desk, artifact, hands)
  return { record, weighting, accuracy, file: fileOf(desk, artifact), milliseconds: performance.now() - start }
}

async function accuracies(desk: Desk, artifact: Artifact, hands: Hands): Promise<Result['accuracy']> {
  const data = desk.data.test
  if (!data?.labels) return null
  const { adapter, graph } = need(desk.model, 'model')
  const measure = (message: string) => (session: Session) => accuracyOf(session, data, message, hands)
  desk.floatAccuracy ??= await withSession(adapter, graph, graph.outputs, measure('accuracy of the float model'))
  const opened = await adapter.open!(artifact, { threads: 1 })
  try {
    const quantized = await measure('accuracy of the quantized model')(opened)
    return { float: desk.floatAccuracy, quantized, samples: data.feeds.length }
  } finally {
    await opened.dispose()
  }
}

/** One file to download, with the same bytes for the same model. */
function fileOf(desk: Desk, artifact: Artifact): Result['file'] {
  const { summary } = need(desk.model, 'model')
  const stem = summary.file.replace(/\.(onnx|json|zip)$/i, '')
  if (artifact instanceof Uint8Array)
    return { name: `${stem}.mixbit.onnx`, bytes: artifact.slice() as Uint8Array<ArrayBuffer> }
  const bytes = zipSync(Object.fromEntries(artifact), { level: 0, mtime: new Date(1980, 0, 1) })
  return { name: `${stem}.mixbit.zip`, bytes: bytes as Uint8Array<ArrayBuffer> }
}
