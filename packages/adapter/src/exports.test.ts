import { expect, test } from 'vitest'
import * as api from './index.ts'
import * as testing from './testing.ts'

test('exported names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "withSession",
    ]
  `)
  expect(Object.keys(testing).sort()).toMatchInlineSnapshot(`
    [
      "testAdapter",
    ]
  `)
})
