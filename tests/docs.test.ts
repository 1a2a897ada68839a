// What README files and guides show is run: every block of JavaScript or TypeScript, in a folder with the shipped model as
// `model.onnx` and `tfjs/model.json`. A block may use `adapter`, `graph`, `samples`, `representativeDataset` and `quantized` without making them.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onnx } from '@mixbit/onnx'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
// @ts-expect-error plain JavaScript without types
import { calibration, modelBytes } from '../examples/demo/demo.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const markdown = [
  'README.md',
  ...['docs', 'packages', 'examples']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((f) => join(folder, f)),
    )
    .filter((file) => file.endsWith('.md') && !file.includes('node_modules')),
]
const text = (file: string) => readFileSync(join(root, file), 'utf8')

// Inside the project, so that the packages resolve as they do for tests.
const folder = mkdtempSync(join(root, 'tests/.run-'))
const before = process.cwd()
beforeAll(async () => {
  const adapter = onnx()
  const graph = await adapter.read(modelBytes())
  const weight = 'conv1.weight'
  const samples = calibration().slice(0, 4)
  const names = { adapter, graph, samples, representativeDataset: samples }
  Object.assign(globalThis, names, { quantized: new Map([[weight, graph.values.get(weight)?.tensor]]) })
  copyFileSync(join(root, 'examples/demo/model/shapes.onnx'), join(folder, 'model.onnx'))
  cpSync(join(root, 'examples/demo/model/tfjs'), join(folder, 'tfjs'), { recursive: true })
  process.chdir(folder)
  for (const method of ['log', 'table', 'error'] as const) vi.spyOn(console, method).mockImplementation(() => {})
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
})
afterAll(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true })
  vi.restoreAllMocks()
})

describe('examples run', () => {
  for (const file of markdown)
    for (const [i, [, language, indented]] of [...text(file).matchAll(/^ *```(js|ts)\n([\s\S]*?)^ *```$/gm)].entries())
      test(`${file} (${i + 1})`, async () => {
        const code = indented!.replace(/^ {2}(?=\S)/gm, '')
        const path = join(folder, `${file.replaceAll(/\W/g, '-')}-${i}.${language}`)
        writeFileSync(path, `${code}\nexport {}\n`)
        await import(path)
      })
})

test('links between pages lead somewhere', () => {
  const broken = markdown.flatMap((file) =>
    [...text(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map(([, link]) => resolve(root, dirname(file), link!))
      .filter((target) => !existsSync(target))
      .map((target) => `${file} -> ${relative(root, target)}`),
  )
  expect(broken).toEqual([])
})

test('the page on CoreConfig names every option', () => {
  const source = readFileSync(join(root, 'packages/core/src/config.ts'), 'utf8')
  const schema = source.slice(source.indexOf('const schema'), source.indexOf('/** A rule of'))
  const options = [...schema.matchAll(/^\s+(\w+): v\.optional/gm)].map(([, name]) => name!)
  expect(options.length).toBeGreaterThan(20)
  const page = text('docs/reference/core-config.md')
  expect(options.filter((name) => !page.includes(name))).toEqual([])
})
