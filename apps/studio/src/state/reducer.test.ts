import { expect, test } from 'vitest'
import type { AnalysisSummary, DataSummary, ModelSummary, Result, Solved } from '../worker/protocol.ts'
import { type Action, reduce } from './reducer.ts'
import { initialState, isReachable, reachable, type State } from './state.ts'

const model = { format: 'onnx', file: 'a.onnx', example: false } as ModelSummary
const data = { role: 'calibration', samples: 20 } as DataSummary
const run = (actions: readonly Action[], from: State = initialState): State => actions.reduce(reduce, from)
const solved = run([
  { type: 'modelOpened', model },
  { type: 'dataLoaded', data },
  { type: 'analyzed', analysis: {} as AnalysisSummary },
  { type: 'choicesFound', solved: {} as Solved },
  { type: 'quantized', results: [{} as Result] },
])

test('steps open one after the other', () => {
  expect(reachable(initialState)).toBe('model')
  expect(reachable(run([{ type: 'modelOpened', model }]))).toBe('data')
  expect(reachable(solved)).toBe('result')
  expect(isReachable(initialState, 'data')).toBe(false)
})

test('what came of a step is put away when a step before it changes', () => {
  expect(run([{ type: 'settingsChanged', settings: solved.settings }], solved)).toMatchObject({
    analysis: null,
    solved: null,
    results: [],
  })
  expect(run([{ type: 'dataLoaded', data }], solved).analysis).toBeNull()
  expect(run([{ type: 'budgetsChanged', budgets: {} }], solved)).toMatchObject({ results: [], analysis: {} })
  expect(run([{ type: 'dataLoaded', data: { ...data, role: 'test' } }], solved)).toMatchObject({
    analysis: {},
    results: [],
  })
  expect(run([{ type: 'modelOpened', model }], solved).data.calibration).toBeNull()
})

test('the sweep never asks for more samples than there are', () => {
  expect(solved.settings.numOfImages).toBe(20)
})

test('a budget that cannot be kept closes the result until one can', () => {
  const problem = { code: 'BUDGET_INFEASIBLE', message: '', hint: null }
  const stuck = run([{ type: 'failed', step: 'budget', problem }], solved)
  expect(reachable(stuck)).toBe('budget')
  expect(reachable(run([{ type: 'choicesFound', solved: {} as Solved }], stuck))).toBe('result')
})

test('a problem goes when its step is tried again', () => {
  const problem = { code: 'X', message: '', hint: null }
  const failed = run([{ type: 'failed', step: 'model', problem }])
  expect(failed.problems.model).toBe(problem)
  expect(run([{ type: 'started', task: 'openModel', step: 'model' }], failed).problems.model).toBeUndefined()
})
