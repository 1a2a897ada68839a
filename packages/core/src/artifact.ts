import { withSession } from '@mixbit/adapter'
import { type Graph, MixbitError } from '@mixbit/graph'
import { type Assignment, apply } from './apply.ts'
import { assign, type Budget, baseAssignment, changedAfterSearch, type FileBudget, type Search } from './assign.ts'
import { constant, type WeightGrid } from './candidates.ts'
import { compareSessions } from './compare.ts'
import type { Job } from './job.ts'
import type { Improved } from './neighbourhood/improve.ts'
import type { Observed } from './observe.ts'
import type { ObservedModel } from './observed-model.ts'
import { repairedGraph } from './repaired.ts'
import type { QuantizeReport } from './report.ts'
import { wireBytes } from './wire-bytes.ts'

/** Bytes of the file of an assignment; null when the adapter cannot write. */
export async function writtenBytes(job: Job, observed: Observed, assignment: Assignment): Promise<number | null> {
  const { adapter, prepared, layers, config } = job
  if (!adapter.write || !adapter.byteLength) return null
  return adapter.byteLength(await adapter.write(apply(prepared, layers, assignment, observed, config)))
}

/** Bytes of the file beside the weights: what is left of a written file when its weights are taken off. */
export async function fixedFileBytes(job: Job, observed: Observed): Promise<number | null> {
  const assignment = baseAssignment(job.layers, observed.activations)
  const bytes = await writtenBytes(job, observed, assignment)
  return bytes === null ? null : bytes - fileBytes(job, assignment)
}

/** Predicted bytes of the weights in the file, with what they share. */
export const fileBytes = ({ adapter, prepared }: Job, assignment: Assignment): number =>
  assignment.weights.reduce((sum, candidate) => sum + candidate.fileBytes, 0) +
  (adapter.sharedBytes?.(
    assignment.weights.flatMap(({ grids }) =>
      grids.map(({ value, grid }) => ({ tensor: constant(prepared, value), grid })),
    ),
  ) ?? 0)

/** Predicted bytes of the whole file; null when the adapter cannot write. */
export const predictedBytes = (
  { job, fixedBytes }: Pick<ObservedModel, 'job' | 'fixedBytes'>,
  assignment: Assignment,
): number | null => (fixedBytes === null ? null : fixedBytes + fileBytes(job, assignment))

/** What a file has once when a bit-width occurs in it, by bit-width. */
export function onceBytes({ adapter, prepared, layers }: Job): Map<number, number> {
  const once = new Map<number, number>()
  for (const { grids, bits } of layers.flatMap(({ candidates }) => candidates)) {
    const [{ value, grid }] = grids as [WeightGrid]
    const bytes = once.has(bits) ? 0 : (adapter.sharedBytes?.([{ tensor: constant(prepared, value), grid }]) ?? 0)
    if (bytes > 0) once.set(bits, bytes)
  }
  return once
}

/**
 * Chooses and writes; when the real file misses a `fileSize` limit by a few bytes, chooses again with those bytes less. The candidates
 * as they are tell that before they are repaired, which takes the longest. A limit on the wire is kept in the same way: nobody
 * knows how well a choice compresses before it is written.
 * @throws MixbitError `BUDGET_INFEASIBLE`
 */
export async function chooseAndWrite<Artifact>(
  job: Job<Artifact>,
  observed: Observed,
  scores: Search['scores'],
  budget: Budget,
  improve: (search: Search, assignment: Assignment) => Promise<Improved>,
) {
  const { adapter, layers, config, signal } = job
  const refine = config.mixedPrecisionConfig.refineMpSolution
  let fileSize = budget.fileSize
  let smallestWire = Number.POSITIVE_INFINITY
  for (;;) {
    const search = { layers, activations: observed.activations, scores, budget: { ...budget, fileSize } }
    const { assignment: first, solution } = await assign(search, { refine, signal }).catch((cause: MixbitError) => {
      throw smallestWire < Number.POSITIVE_INFINITY && cause.code === 'BUDGET_INFEASIBLE'
        ? wireError(budget.transferSize!, smallestWire, cause)
        : cause
    })
    // What the network editor changes after the search is wanted whatever it costs.
    const isEdited = (assignment: Assignment) => changedAfterSearch(search, assignment).length > 0
    const draft = fileSize && !isEdited(first) ? await writtenBytes(job, observed, first) : null
    if (fileSize && draft !== null && draft > fileSize.limit) {
      fileSize = withoutRoomFor(fileSize, draft, first)
      continue
    }
    const { assignment, ...found } = await improve(search, first)
    const { graph, ...repair } = await repairedGraph(job, observed, assignment)
    const artifact = (await adapter.write?.(graph)) ?? null
    const bytes = artifact === null ? null : (adapter.byteLength?.(artifact) ?? null)
    const transferBytes = artifact === null ? null : ((await adapter.transferBytes?.(artifact)) ?? null)
    const edited = isEdited(assignment)
    const excess = bytes === null || !fileSize || edited ? 0 : bytes - fileSize.limit
    const wire = wireBytes(transferBytes)
    const wireExcess = wire === null || bytes === null || edited ? 0 : wire - (budget.transferSize ?? wire)
    if (excess <= 0 && wireExcess <= 0)
      return { assignment, solution, ...found, graph, ...repair, artifact, bytes, transferBytes }
    if (wireExcess > 0) {
      const fixed = fileSize?.fixed ?? bytes! - fileBytes(job, assignment)
      fileSize = { limit: bytes! - Math.ceil((wireExcess * bytes!) / wire!), fixed, once: onceBytes(job) }
      smallestWire = Math.min(smallestWire, wire!)
    } else fileSize = withoutRoomFor(fileSize!, bytes!, assignment)
  }
}

/** A limit under which the solver takes no assignment again whose file turned out to have more bytes than it allows. */
function withoutRoomFor(fileSize: FileBudget, bytes: number, { weights }: Assignment): FileBudget {
  const widths = new Set(weights.map(({ bits }) => bits))
  const foreseen =
    weights.reduce((sum, candidate) => sum + candidate.fileBytes, 0) +
    [...widths].reduce((sum, bits) => sum + (fileSize.once.get(bits) ?? 0), 0)
  return { ...fileSize, fixed: Math.max(fileSize.fixed + bytes - fileSize.limit, bytes - foreseen) }
}

const wireError = (limit: number, smallest: number, cause: MixbitError) =>
  new MixbitError(
    'BUDGET_INFEASIBLE',
    `No assignment fits the budget: transferSize allows ${Math.floor(limit)} bytes, and the smallest files that were tried take ${smallest}.`,
    { hint: cause.hint ?? '', context: { ...cause.context, smallest: { transferSize: smallest } }, cause },
  )

/** Least signal-to-noise ratio, in dB, between a weight-only file and its simulation. */
const leastSqnr = 30

/**
 * Opens the artifact as a user would and compares it with the simulation and with the float model.
 * @throws MixbitError `ARTIFACT_DIFFERS` when a weight-only artifact does not compute what was simulated.
 */
export async function check<Artifact>(
  job: Job<Artifact>,
  quantized: Graph,
  artifact: Artifact | null,
  weightOnly: boolean,
): Promise<QuantizeReport['distances']> {
  const { adapter, prepared } = job
  if (artifact === null || !adapter.open) return { toFloat: [], toSimulation: [] }
  const outputs = prepared.outputs
  const samples = job.samples.slice(0, 16)
  const opened = await adapter.open(artifact)
  try {
    const toSimulation = await withSession(adapter, quantized, outputs, (session) =>
      compareSessions(session, opened, samples, outputs, job),
    )
    const toFloat = await withSession(adapter, prepared, outputs, (session) =>
      compareSessions(session, opened, samples, outputs, job),
    )
    const worst = toSimulation.reduce((a, b) => (b.sqnr < a.sqnr ? b : a))
    if (weightOnly && worst.sqnr < leastSqnr)
      throw new MixbitError(
        'ARTIFACT_DIFFERS',
        `The written model differs from its simulation: ${worst.sqnr.toFixed(1)} dB at output ${worst.output}.`,
        {
          hint: 'This is a fault of the adapter or of the runtime; please report it with the model.',
          context: { toSimulation },
        },
      )
    return { toFloat, toSimulation }
  } finally {
    await opened.dispose()
  }
}
