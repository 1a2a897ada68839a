import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { starvedRun } from '../apps/studio/src/pictures/record.fixture.ts'

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const { packageManager } = JSON.parse(readFileSync('package.json', 'utf8'))
/** What is published: packages to import, and the Studio, which is files that the command line serves. */
const folders = [...readdirSync('packages').map((name) => join('packages', name)), join('apps', 'studio')]
const manifests = new Map<string, Manifest>()
const folderOf = new Map<string, string>()
for (const folder of folders) {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  manifests.set(manifest.name, manifest)
  folderOf.set(manifest.name, folder)
}
/** Static files: nothing to import. */
const studio = '@mixbit/studio'

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
        cwd: folder,
      }).toString()
      const { name, filename } = JSON.parse(packed.slice(packed.indexOf('{')))
      tarballs.set(name, filename)
    }
  })
  afterAll(() => rmSync(work, { recursive: true, force: true }))

  /** A new project with the package and what it needs. */
  function install(name: string): string {
    const project = join(work, name.replace(/\W/g, '-'))
    mkdirSync(project)
    const dependencies = Object.fromEntries(closure(name).map((id) => [id, `file:${tarballs.get(id)}`]))
    writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
    execFileSync('npm', ['install', ...flags], { cwd: project, stdio: 'pipe' })
    return project
  }
  const node = (project: string, ...argv: string[]) =>
    execFileSync('node', argv, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] }).toString()

  for (const name of [...manifests.keys()].filter((name) => name !== studio))
    test(`${name} exports what its index names`, () => {
      const project = install(name)
      const script = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(name)}))))`
      const names = JSON.parse(node(project, '--input-type=module', '-e', script))
      const snapshot = readFileSync(join(folderOf.get(name)!, 'src/exports.test.ts'), 'utf8')
      expect(names.length).toBeGreaterThan(0)
      for (const exported of names) expect(snapshot).toContain(exported)
      // The command line brings the template of its reports along.
      if (name !== 'mixbit') return
      writeFileSync(join(project, 'run.json'), JSON.stringify(starvedRun))
      const printed = node(project, 'node_modules/mixbit/dist/bin.mjs', 'report', 'run.json', '-o', 'report.html')
      expect(printed).toMatch(/^written +report\.html, \d+ kB$/m)
      expect(readFileSync(join(project, 'report.html'), 'utf8')).toContain('"model":"tiny"')
    }, 300_000)
  test('mixbit serves the Studio that was installed along', async () => {
    // The test of its exports has installed it.
    const bin = join(work, 'mixbit', 'node_modules', 'mixbit', 'dist', 'bin.mjs')
    const child = spawn(process.execPath, [bin, 'studio', '--port', '0', '--no-open'], { cwd: join(work, 'mixbit') })
    const [address] = (await once(child.stdout, 'data')) as [Buffer]
    expect(await (await fetch(String(address).trim())).text()).toContain('<title>Mixbit Studio</title>')
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test(`${studio} is static files without a source or a dependency`, () => {
    const files = execFileSync('tar', ['-tzf', tarballs.get(studio)!]).toString()
    expect(files).toContain('package/dist/report.html')
    expect(files).toContain('package/dist/index.html')
    expect(files).not.toMatch(/\/src\/|\.tsx?$/m)
    expect(manifests.get(studio)!.dependencies).toBeUndefined()
  })
})
