// Nothing here may import onnxruntime-node: in one process the second runtime would run on the first.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { env } from 'onnxruntime-web'
import { afterEach, expect, test, vi } from 'vitest'
import { main } from './main.ts'
import { fakeIo } from './testing/fake.ts'
import { emptyFolder } from './testing/folder.ts'
import { tinyModel } from './testing/tiny-onnx.ts'

afterEach(() => {
  vi.doUnmock('onnxruntime-web')
  vi.resetModules()
})

/** Without the fake engine: the real one, with streams that are kept. */
function terminal() {
  const { io, seen } = fakeIo()
  return { io: { ...io, load: undefined }, seen }
}

async function setUp() {
  const folder = await emptyFolder()
  await writeFile(join(folder, 'model.onnx'), tinyModel())
  return (name: string) => join(folder, name)
}

test('--runtime web quantizes on onnxruntime-web, on one thread, and gives the same bytes again', async () => {
  const at = await setUp()
  const run = async (output: string) => {
    const { io, seen } = terminal()
    const data = ['-c', 'random', '--samples', '4', '--weights-memory', '15%']
    const argv = ['quantize', at('model.onnx'), ...data, '--runtime', 'web', '-o', at(output)]
    expect(await main(argv, io), seen.stderr).toBe(0)
    return readFile(at(output))
  }
  expect(await run('a.onnx')).toEqual(await run('b.onnx'))
  expect(env.wasm.numThreads).toBe(1)
  // onnxruntime-node would have left its version here, and would have run the model.
  expect(env.versions.web).toBeDefined()
  expect(env.versions.node).toBeUndefined()
})

test('compare runs both files on it too', async () => {
  const at = await setUp()
  const { io, seen } = terminal()
  const argv = ['compare', at('model.onnx'), at('model.onnx'), '-c', 'random', '--samples', '2', '--runtime', 'web']
  expect(await main([...argv, '--json'], io), seen.stderr).toBe(0)
  expect(JSON.parse(seen.stdout).outputs[0].cosine).toBeCloseTo(1, 6)
})

test('without the package, the error says what to install', async () => {
  const at = await setUp()
  vi.resetModules()
  vi.doMock('onnxruntime-web', () => {
    throw new Error("Cannot find package 'onnxruntime-web'")
  })
  const { main: again } = await import('./main.ts')
  const { io, seen } = terminal()
  const argv = ['sensitivity', at('model.onnx'), '-c', 'random', '--samples', '1', '--runtime', 'web']
  expect(await again(argv, io)).toBe(6)
  expect(seen.stderr).toContain('ONNX_RUNTIME_MISSING')
  expect(seen.stderr).toContain('npm install onnxruntime-web')
})

test('more than one thread and other runtimes are refused', async () => {
  const at = await setUp()
  for (const [flags, text] of [
    [['--runtime', 'web', '--threads', '2'], '--runtime web has one thread'],
    [['--runtime', 'wasm'], 'one of node, web'],
  ] as const) {
    const { io, seen } = terminal()
    expect(await main(['sensitivity', at('model.onnx'), '-c', 'random', ...flags], io)).toBe(2)
    expect(seen.stderr).toContain(text)
  }
})
