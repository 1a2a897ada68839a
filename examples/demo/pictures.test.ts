import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
// @ts-expect-error plain JavaScript without types
import { pictures } from './pictures.mjs'

const numbers = /-?\d+(?:\.\d+)?|\.\d+/g

test('the pictures of the docs show what the sweep measures', async () => {
  const made: Map<string, string> = await pictures()
  expect(made.size).toBe(3)
  for (const [name, svg] of made) {
    const kept = readFileSync(`docs/pictures/${name}`, 'utf8')
    expect(svg.replace(numbers, '#'), name).toBe(kept.replace(numbers, '#'))
    // Processors differ in the last bits of a float, so pictures may differ by a hair.
    const [now, then] = [svg, kept].map((text) => [...text.matchAll(numbers)].map(Number))
    for (const [i, x] of now!.entries())
      expect(Math.abs(x - then![i]!), name).toBeLessThanOrEqual(0.03 * Math.max(1, Math.abs(then![i]!)))
  }
})
