// Does everything a fresh machine needs (only Node and npm are there), then one task: `node tooling/run.mjs demo|studio|test|ci`.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { packageManager } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))

/** Runs the pinned pnpm, which npx fetches when it is missing; stops the whole run when it fails. */
function pnpm(...args) {
  const { status, error } = spawnSync('npx', ['--yes', packageManager, ...args], { cwd: root, stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

const tasks = {
  demo: () => pnpm('run', 'demo:run'),
  studio: () => pnpm('run', 'studio:run', ...process.argv.slice(3)),
  test: () => pnpm('run', 'test:run', ...process.argv.slice(3)),
  ci: () => {
    for (const script of ['lint', 'typecheck', 'check:packages']) pnpm('run', script)
  },
}

const task = tasks[process.argv[2]]
if (!task) {
  console.error(`Usage: node tooling/run.mjs ${Object.keys(tasks).join('|')}`)
  process.exit(2)
}
pnpm('install', '--frozen-lockfile', '--prefer-offline')
pnpm('run', 'build')
task()
