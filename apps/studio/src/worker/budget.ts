import { type Choice, choose, frontierOf, parseBudget } from '@mixbit/core'
import { sensitivities } from '@mixbit/sensitivity'
import { type Desk, type Measured, need } from './desk.ts'
import {
  type Budgets,
  type Curve,
  type Resource,
  type Rival,
  type Solved,
  type SolveRequest,
  type Weighting,
  weightings,
} from './protocol.ts'

/** A request to core, in the words of the page. */
export const requestOf = (budgets: Budgets, { method, sigma }: Weighting) => ({
  targetResourceUtilization: budgets,
  distanceWeightingMethod: method,
  ...(method === 'EXP' && { expDistanceWeightingSigma: sigma }),
})

/** What every weighting chooses under the budgets: milliseconds, from the stored distances. */
export async function solve(desk: Desk, { budgets, weightings }: SolveRequest): Promise<Solved> {
  const { analysis } = need(desk.measured, 'sweep')
  const start = performance.now()
  const choices: Choice[] = []
  for (const weighting of weightings) choices.push(await choose(analysis, requestOf(budgets, weighting)))
  return { weightings, choices, limits: limitsIn(desk, budgets), milliseconds: performance.now() - start }
}

/** Limits as bytes, where the float model's size is at hand. */
function limitsIn(desk: Desk, budgets: Budgets): Solved['limits'] {
  const { sizes } = need(desk.measured, 'sweep').analysis
  const limits = (Object.entries(budgets) as [Resource, number | string][]).flatMap(([name, limit]) => {
    const float = name === 'weightsMemory' || name === 'fileSize' ? sizes[name] : null
    return float === null ? [] : [[name, parseBudget(name, limit, float)] as const]
  })
  return Object.fromEntries(limits)
}

/** The whole curve of one weighting, and the sensitivity of every candidate. */
export function curve(desk: Desk, weighting: Weighting): Curve {
  const { analysis } = need(desk.measured, 'sweep')
  const { targetResourceUtilization: _, ...request } = requestOf({}, weighting)
  const { hessianScores } = analysis.measured
  const rows = sensitivities(need(analysis.table, 'table of distances'), {
    ...request,
    ...(hessianScores && { hessianScores }),
  })
  return { points: frontierOf(analysis, request), sensitivity: rows.map(({ values }) => values) }
}

/** What every weighting that can be solved now would choose, and what the sweep says its outputs would lose. */
export async function rivals(desk: Desk, budgets: Budgets, sigma: number): Promise<Rival[]> {
  const measured = need(desk.measured, 'sweep')
  const found: Rival[] = []
  for (const method of weightings) {
    if (method === 'HESSIAN' && !measured.hessianMeasured) continue
    const weighting = { method, sigma }
    const choice = await choose(measured.analysis, requestOf(budgets, weighting))
    found.push({ weighting, choice, loss: predictedLoss(measured, choice) })
  }
  return found
}

/** The summed output losses of the chosen candidates, each measured alone: the same measure for every weighting. */
function predictedLoss({ analysis: { table } }: Measured, { bits, activationBits }: Choice): number {
  const chosen = [...bits, ...activationBits]
  return need(table, 'table of distances').layers.reduce((sum, { candidates }, i) => {
    const { losses } = candidates.find((candidate) => candidate.bits === chosen[i]) ?? candidates[0]!
    const all = losses.flat()
    return sum + all.reduce((total, loss) => total + loss, 0) / Math.max(1, all.length)
  }, 0)
}
