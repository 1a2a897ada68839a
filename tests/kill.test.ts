import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const path = (from: string) => fileURLToPath(new URL(from, import.meta.url))
const bin = path('../packages/cli/dist/bin.mjs')
const folder = mkdtempSync(join(tmpdir(), 'mixbit-kill-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string) => join(folder, name)
const lines = (name: string) =>
  existsSync(file(name)) ? readFileSync(file(name), 'utf8').split('\n').filter(Boolean) : []

/** The built command line on the model that ships; the sweep takes long enough to be killed in the middle. */
const start = (name: string, ...more: string[]): ChildProcess =>
  spawn(process.execPath, [
    ...[bin, 'quantize', path('../examples/demo/model/shapes.onnx'), '-o', file(`${name}.onnx`)],
    ...['--calibration', 'random', '--samples', '400', '--num-of-images', '400', '--weights-memory', '12%'],
    ...['--checkpoint', file(name), '--quiet', ...more],
  ])

async function end(child: ChildProcess): Promise<{ code: number | null; signal: string | null; stderr: string }> {
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return { code, signal, stderr }
}

/** Waits for some lines of the checkpoint, then sends a signal. */
async function stop(child: ChildProcess, name: string, signal: NodeJS.Signals) {
  const ended = end(child)
  while (lines(name).length < 4 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
  child.kill(signal)
  return ended
}

test('kill -9 in the sweep loses nothing: the same command goes on to the same file', async () => {
  expect(await end(start('whole'))).toEqual({ code: 0, signal: null, stderr: '' })
  const killed = await stop(start('killed'), 'killed', 'SIGKILL')
  expect(killed.signal).toBe('SIGKILL')
  const kept = lines('killed')
  expect(kept.length).toBeGreaterThanOrEqual(4)
  expect(kept.length).toBeLessThan(lines('whole').length)
  expect(existsSync(file('killed.onnx'))).toBe(false)
  expect((await end(start('killed'))).code).toBe(0)
  expect(lines('killed').slice(0, kept.length - 1)).toEqual(kept.slice(0, -1))
  expect(lines('killed')).toEqual(lines('whole'))
  expect(readFileSync(file('killed.onnx')).equals(readFileSync(file('whole.onnx')))).toBe(true)
}, 120_000)

test('Ctrl-C ends with 130, leaves no output and no temporary file, and says how to go on', async () => {
  const { code, stderr } = await stop(start('stopped'), 'stopped', 'SIGINT')
  expect(code).toBe(130)
  expect(stderr).toContain('ABORTED')
  expect(readdirSync(folder).filter((name) => name.startsWith('stopped'))).toEqual(['stopped'])
}, 60_000)
