import { expect, test } from 'vitest'
import * as api from './index.ts'
import * as loader from './loader.ts'

test('the package exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "readFiles",
      "tfjs",
    ]
  `)
})

test('the loader exports these names', () => {
  expect(Object.keys(loader).sort()).toMatchInlineSnapshot(`
    [
      "mixbitHandler",
    ]
  `)
})
