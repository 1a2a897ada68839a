import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const { packageManager } = JSON.parse(readFileSync('package.json', 'utf8'))
const folders = readdirSync('packages')
const manifests = new Map<string, Manifest>()
for (const folder of folders) {
  const manifest: Manifest = JSON.parse(readFileSync(join('packages', folder, 'package.json'), 'utf8'))
  manifests.set(manifest.name, manifest)
}

/** A package and every Mixbit package that it needs. */
const closure = (name: string): string[] => [
  ...new Set([
    name,
    ...Object.keys(manifests.get(name)?.dependencies ?? {})
      .filter((id) => manifests.has(id))
      .flatMap(closure),
  ]),
]

describe('a packed tarball, installed alone into an empty project', () => {
  let work = ''
  const tarballs = new Map<string, string>()

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'mixbit-tarballs-'))
    for (const folder of folders) {
      const packed = execFileSync('npx', ['--yes', packageManager, 'pack', '--json', '--pack-destination', work], {
        cwd: join('packages', folder),
      }).toString()
      const { name, filename } = JSON.parse(packed.slice(packed.indexOf('{')))
      tarballs.set(name, filename)
    }
  })
  afterAll(() => rmSync(work, { recursive: true, force: true }))

  for (const name of manifests.keys())
    test(`${name} exports what its index names`, () => {
      const project = join(work, name.replace(/\W/g, '-'))
      mkdirSync(project)
      const dependencies = Object.fromEntries(closure(name).map((id) => [id, `file:${tarballs.get(id)}`]))
      writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
      execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], {
        cwd: project,
        stdio: 'pipe',
      })
      const script = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(name)}))))`
      const names = JSON.parse(
        execFileSync('node', ['--input-type=module', '-e', script], {
          cwd: project,
          stdio: ['ignore', 'pipe', 'pipe'],
        }).toString(),
      )
      const snapshot = readFileSync(
        join('packages', folders.find((f) => name.endsWith(f)) ?? 'cli', 'src/exports.test.ts'),
        'utf8',
      )
      expect(names.length).toBeGreaterThan(0)
      for (const exported of names) expect(snapshot).toContain(exported)
    }, 300_000)
})
