import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

/** The import table of the house: which @mixbit packages each package may import at run time. */
const table: Record<string, readonly string[]> = {
  graph: [],
  solver: [],
  adapter: ['graph'],
  quantizers: ['graph'],
  inputs: ['graph'],
  tensorboard: ['graph'],
  onnx: ['adapter', 'graph'],
  tfjs: ['adapter', 'graph'],
  sensitivity: ['adapter', 'graph', 'quantizers'],
  core: ['adapter', 'graph', 'quantizers', 'sensitivity', 'solver'],
  cli: [
    'core',
    'graph',
    'inputs',
    'studio',
    'tensorboard',
    'onnx',
    'tfjs',
    'quantizers',
    'sensitivity',
    'solver',
    'adapter',
  ],
}

/** Packages that run wherever JavaScript does. */
const everywhere = new Set(['graph', 'solver', 'inputs', 'tensorboard'])

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))

const withoutComments = (source: string): string => source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')

const imported = (file: string): string[] =>
  [...withoutComments(readFileSync(file, 'utf8')).matchAll(/(?:from|import)\s*\(?\s*'([^'.][^']*)'/g)].map(
    (match) => match[1] ?? '',
  )

describe('the import table', () => {
  test('names every package there is', () => {
    expect(readdirSync('packages').sort()).toEqual(Object.keys(table).sort())
  })

  for (const [name, allowed] of Object.entries(table)) {
    const folder = join('packages', name)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

    test(`${name} depends on no other Mixbit package than the table allows`, () => {
      const declared = Object.keys(manifest.dependencies ?? {}).filter((id) => id.startsWith('@mixbit/'))
      expect(declared.filter((id) => !allowed.includes(id.slice('@mixbit/'.length)))).toEqual([])
    })

    test(`${name} imports only what its package.json declares`, () => {
      const declared = new Set([
        ...Object.keys(manifest.dependencies ?? {}),
        ...Object.keys(manifest.peerDependencies ?? {}),
      ])
      const undeclared = filesBelow(join(folder, 'src'))
        .filter((file) => !file.includes('/testing/'))
        .flatMap((file) => imported(file).map((id) => ({ file, id })))
        .filter(({ id }) => !id.startsWith('node:') || everywhere.has(name))
        .filter(
          ({ id }) =>
            !declared.has(
              id
                .split('/')
                .slice(0, id.startsWith('@') ? 2 : 1)
                .join('/'),
            ),
        )
      expect(undeclared).toEqual([])
    })

    test(`${name} has a README, a changelog and an index`, () => {
      for (const file of ['README.md', 'CHANGELOG.md', 'src/index.ts', 'src/exports.test.ts'])
        expect(existsSync(join(folder, file)), `${folder}/${file}`).toBe(true)
    })
  }
})
