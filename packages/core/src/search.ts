import { MixbitError } from '@mixbit/graph'
import type { Analysis } from './analyze.ts'
import { type Budget, baseAssignment, freedom, type Search } from './assign.ts'
import { type FullConfig, fullConfig } from './config.ts'
import type { Job, ResourceUtilization } from './job.ts'
import { type Limits, limitsOf, type Resource, searchBudget } from './limits.ts'
import { type Measurand, type Measured, measurandFor, scoresOf } from './measure.ts'
import { keepRows } from './neighbourhood/interactions.ts'
import type { Observed } from './observe.ts'
import type { ObservedModel } from './observed-model.ts'

/** What may differ from one choice to the next; what is left out is as in the config of the analysis. */
export interface ChoiceRequest {
  readonly targetResourceUtilization?: ResourceUtilization
  readonly distanceWeightingMethod?: FullConfig['mixedPrecisionConfig']['distanceWeightingMethod']
  readonly expDistanceWeightingSigma?: number
  readonly refineMpSolution?: boolean
}

/** An analysis as one request sees it: only what its budget leaves free has candidates and scores. */
export interface RequestedSearch<Artifact = unknown> extends ObservedModel<Artifact> {
  readonly measurand: Measurand
  readonly measured: Measured
  readonly mixedPrecision: boolean
  readonly limits: Limits
  readonly budget: Budget
  readonly scores: Search['scores']
}

/**
 * The search that a request asks for.
 * @throws MixbitError `CONFIG_INVALID`, `RESOURCE_NOT_ANALYZED`, `HESSIAN_NOT_MEASURED`, and those of budgets.
 */
export function searchFor<Artifact>(
  analysis: Analysis<Artifact>,
  { targetResourceUtilization, ...method }: ChoiceRequest,
): RequestedSearch<Artifact> {
  const job = { ...analysis.job, config: withRequest(analysis.job.config, method) }
  const limits = limitsOf(analysis, targetResourceUtilization)
  const names = Object.keys(limits) as Resource[]
  const mixedPrecision = isSearched(job, limits)
  const model = { ...analysis, job, observed: narrowed(analysis.observed, freedom(limits).activations) }
  const { measurand, measured } = mixedPrecision
    ? wanted(analysis, measurandFor(model, names))
    : { measurand: nothing, measured: { ...analysis.measured, table: null } }
  const scores = mixedPrecision ? scoresUnder(measured, measurand, job.config) : noScores
  const budget = mixedPrecision ? searchBudget(model, limits) : {}
  return { ...model, measurand, measured, mixedPrecision, limits, budget, scores }
}

/** Mixed precision is on if and only if a budget is given, and no bits were set by hand for all layers. */
export const isSearched = ({ config }: Job, limits: Limits): boolean =>
  Object.keys(limits).length > 0 && !config.mixedPrecisionConfig.configurationOverwrite

const nothing: Measurand = { layers: [], activations: [] }
const noScores = { weights: [], activations: [] }

/** Weights alone are searched with activations at their base. */
const narrowed = (observed: Observed, free: boolean): Observed =>
  free
    ? observed
    : {
        ...observed,
        activations: observed.activations.map((one) => ({
          ...one,
          candidates: [baseAssignment([], [one]).activations[0]!],
        })),
      }

/** The rows of the sweep that the request needs: those of weights come first. */
function wanted({ measurand, measured }: Analysis, needed: Measurand): Pick<RequestedSearch, 'measurand' | 'measured'> {
  const missing = (['layers', 'activations'] as const).find((kind) => needed[kind].length > measurand[kind].length)
  if (missing)
    throw new MixbitError(
      'RESOURCE_NOT_ANALYZED',
      `The budget needs the sensitivity of ${missing}, which was not measured.`,
      {
        hint: 'Name the resources of your budgets when you analyze: analyze(model, { resources: [...] }).',
        context: { missing },
      },
    )
  const keep = <Row>(rows: readonly Row[]) => [
    ...rows.slice(0, needed.layers.length),
    ...rows.slice(measurand.layers.length, measurand.layers.length + needed.activations.length),
  ]
  const { table, scores, interactions } = measured
  const rows = keep([...Array(measurand.layers.length + measurand.activations.length).keys()])
  return {
    measurand: needed,
    measured: {
      ...measured,
      table: table && { ...table, layers: keep(table.layers) },
      ...(interactions && { interactions: keepRows(interactions, rows) }),
      scores: {
        weights: needed.layers.length > 0 ? scores.weights : [],
        activations: needed.activations.length > 0 ? scores.activations : [],
      },
    },
  }
}

/** Distances to one number per candidate; a custom metric has given these already. */
export function scoresUnder({ table, scores, hessianScores }: Measured, measurand: Measurand, config: FullConfig) {
  if (!table) return scores
  if (config.mixedPrecisionConfig.distanceWeightingMethod === 'HESSIAN' && !hessianScores)
    throw new MixbitError('HESSIAN_NOT_MEASURED', 'The scores of HESSIAN were not measured yet.', {
      hint: 'Call measureHessian(analysis) once, and go on with what it returns.',
    })
  return scoresOf(table, measurand, config, hessianScores)
}

/** The config with what a request changes. @throws MixbitError `CONFIG_INVALID` */
function withRequest(config: FullConfig, request: Omit<ChoiceRequest, 'targetResourceUtilization'>): FullConfig {
  const { mixedPrecisionConfig } = fullConfig({ mixedPrecisionConfig: request })
  const given = Object.entries(request).filter(([, value]) => value !== undefined)
  const changed = Object.fromEntries(given.map(([name]) => [name, mixedPrecisionConfig[name as keyof typeof request]]))
  return { ...config, mixedPrecisionConfig: { ...config.mixedPrecisionConfig, ...changed } }
}
