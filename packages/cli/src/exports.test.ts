import { expect, test } from 'vitest'
import * as api from './index.ts'

test('exports', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "exitCodeOf",
      "exitCodes",
      "loadInputs",
      "main",
      "nodeIo",
    ]
  `)
})
