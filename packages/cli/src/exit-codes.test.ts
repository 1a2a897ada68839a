import { expect, test } from 'vitest'
import { exitCodeOf } from './exit-codes.ts'
import { MixbitError } from './mixbit.ts'

test.each([
  ['USAGE', 2],
  ['CONFIG_INVALID', 2],
  ['OPTION_UNKNOWN', 2],
  ['BUDGET_UNREADABLE', 2],
  ['BUDGET_NOT_POSITIVE', 2],
  ['TARGET_PLATFORM_UNKNOWN', 2],
  ['MODEL_UNREADABLE', 3],
  ['NOTHING_TO_QUANTIZE', 3],
  ['DATA_MISMATCH', 4],
  ['LABELS_UNUSABLE', 4],
  ['BUDGET_INFEASIBLE', 5],
  ['ONNX_RUNTIME_MISSING', 6],
  ['ONNX_RUN', 6],
  ['ONNX_UNREADABLE', 3],
  ['FEED_MISMATCH', 4],
  ['SOLVER_TIME_LIMIT', 5],
  ['ARTIFACT_DIFFERS', 6],
  ['OUTPUT_WRITE', 7],
  ['CHECKPOINT_IO', 7],
  ['ABORTED', 130],
])('%s ends with %i', (code, exit) => expect(exitCodeOf(new MixbitError(code, ''))).toBe(exit))

test('anything else is unexpected', () => {
  expect([exitCodeOf(new Error('x')), exitCodeOf('x'), exitCodeOf(new MixbitError('SOMETHING', ''))]).toEqual([1, 1, 1])
})
