import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Tests, what only tests use, and generated files: their codes reach nobody. */
const notShipped = /\.test\.tsx?$|\/gen\/|\/testing\/|\/toy-adapter\.ts$/

const folders = [...readdirSync('packages').map((name) => join('packages', name)), 'apps/studio']
const sources = folders.flatMap((folder) =>
  readdirSync(join(folder, 'src'), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
    .filter((file) => !notShipped.test(file)),
)

const withoutComments = (source: string): string => source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')

const thrownBy = (file: string): string[] =>
  [
    ...withoutComments(readFileSync(file, 'utf8')).matchAll(/\b(?:new MixbitError|problemError)\(\s*'([A-Z\d_]+)'/g),
  ].map((match) => match[1]!)

test('the page on errors has every code that is thrown, once, and no other', () => {
  const page = readFileSync('docs/reference/errors.md', 'utf8')
  const headings = [...page.matchAll(/^### (.+)$/gm)].map((match) => match[1]!)
  expect(headings.sort()).toEqual([...new Set(sources.flatMap(thrownBy))].sort())
})
