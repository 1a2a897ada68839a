// publint and are-the-types-wrong on the packed tarball of every package that is published; changesets that changesets can read.
// The Studio is static files, so it has no types to be wrong.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const packages = [...readdirSync('packages').map((name) => join('packages', name)), 'apps/studio'].map((folder) => ({
  folder,
  ...JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')),
}))

/** Whether a changeset begins with ---, lines as '@mixbit/core': minor, and ---, all of packages that there are. */
function isReadable(file) {
  const [, head = ''] = /^---\n([\s\S]*?)---\n/.exec(readFileSync(join('.changeset', file), 'utf8')) ?? []
  const lines = head.split('\n').slice(0, -1)
  const nameOf = (line) => /^['"](.+)['"]: (major|minor|patch)$/.exec(line)?.[1]
  return lines.length > 0 && lines.every((line) => packages.some(({ name }) => name === nameOf(line)))
}
const unreadable = readdirSync('.changeset').filter((file) => file.endsWith('.md') && !isReadable(file))
if (unreadable.length > 0) {
  console.error(
    `No changesets: ${unreadable.join(', ')} must begin with ---, lines as '@mixbit/core': minor for packages that there are, and ---.`,
  )
  process.exit(1)
}

const out = mkdtempSync(join(tmpdir(), 'mixbit-pack-'))
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] }).toString()
try {
  for (const { folder, name, private: hidden, exports } of packages) {
    if (hidden) continue
    const packed = run('pnpm', ['pack', '--pack-destination', out], folder).trim().split('\n').at(-1)
    run('publint', ['--strict', packed])
    if (exports['.']) run('attw', [packed, '--profile', 'esm-only'])
    console.log(`${name}: ${exports['.'] ? 'publint and are-the-types-wrong have' : 'publint has'} nothing to say`)
  }
} catch (error) {
  console.error(error.stdout?.toString() ?? error)
  process.exitCode = 1
} finally {
  rmSync(out, { recursive: true, force: true })
}
