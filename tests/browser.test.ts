// What a page does with a written TF.js model: the loader in headless Chromium, from a server, beside the simulation in Node.
// Where Debian puts it; without the browser, the tests are skipped.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quantize } from '@mixbit/core'
import { sizeOf, type Tensors } from '@mixbit/graph'
import { type TfjsFiles, tfjs } from '@mixbit/tfjs'
import { type Browser, chromium } from 'playwright-core'
import { build } from 'tsdown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript without types
import { calibration, channelsLast, tfjsModel } from '../examples/demo/demo.mjs'

const executablePath = '/usr/bin/chromium'
const packages = createRequire(fileURLToPath(new URL('../packages/tfjs/package.json', import.meta.url)))
const scripts = ['core', 'layers', 'converter', 'backend-cpu'].map((name) => {
  const folder = dirname(packages.resolve(`@tensorflow/tfjs-${name}/package.json`))
  return join(folder, `dist/tf-${name}.min.js`)
})

/** What the page is asked to do; runs there. */
const inPage = `async (path, { data, shape, dtype, outputs }) => {
  const { mixbitHandler } = await import('/loader.js')
  await tf.setBackend('cpu')
  const handler = mixbitHandler('/' + path + '/model.json')
  const input = tf.tensor(dtype === 'i32' ? Int32Array.from(data) : Float32Array.from(data), shape)
  const model = outputs ? await tf.loadGraphModel(handler) : await tf.loadLayersModel(handler)
  const results = outputs ? await model.executeAsync(input, outputs) : model.predict(input)
  return [results].flat().map((output) => Array.from(output.dataSync()))
}`

describe.skipIf(!existsSync(executablePath))('in a page', () => {
  const folders = new Map<string, TfjsFiles>()
  const outDir = mkdtempSync(join(tmpdir(), 'mixbit-page-'))
  let browser: Browser
  const server = createServer((request, response) => {
    const [, folder = '', file = ''] = request.url!.split('/')
    const script = /^script(\d)\.js$/.exec(folder)
    const body = script
      ? readFileSync(scripts[Number(script[1])]!)
      : folder === 'loader.js'
        ? readFileSync(join(outDir, 'loader.mjs'))
        : folder === ''
          ? scripts.map((_, i) => `<script src="/script${i}.js"></script>`).join('')
          : folders.get(folder)?.get(file)
    const type = folder.endsWith('.js') ? 'text/javascript' : folder === '' ? 'text/html' : 'application/octet-stream'
    response.writeHead(body ? 200 : 404, { 'content-type': type }).end(body)
  })

  beforeAll(async () => {
    const entry = { loader: fileURLToPath(new URL('../packages/tfjs/src/loader.ts', import.meta.url)) }
    await build({
      entry,
      outDir,
      format: 'esm',
      dts: false,
      platform: 'neutral',
      fixedExtension: true,
      logLevel: 'silent',
      config: false,
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    server.close()
    rmSync(outDir, { recursive: true, force: true })
  })

  /** Quantizes, serves, loads in the page and compares with the simulation: the least SQNR in dB. */
  async function sqnrOf(name: string, source: string, feeds: readonly Tensors[], weightsMemory?: string) {
    const adapter = tfjs()
    const { artifact, graph } = await quantize(source, {
      adapter,
      representativeDataset: feeds,
      targetResourceUtilization: weightsMemory ? { weightsMemory } : {},
      coreConfig: {
        quantizationConfig: { weightsRounding: 'nearest' },
        mixedPrecisionConfig: { distanceWeightingMethod: 'LAST_LAYER', keepAllDistances: false },
      },
    })
    folders.set(name, artifact!)
    const session = await adapter.compile(graph, graph.outputs)
    const expected = await session.run(feeds[0]!)
    await session.dispose()
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const { data, shape, dtype } = [...feeds[0]!.values()][0]!
    const { format } = graph.meta as { format: string }
    const fed = {
      data: Array.from(data as Float32Array),
      shape,
      dtype,
      outputs: format === 'graph-model' ? graph.outputs : null,
    }
    const outputs = (await page.evaluate(`(${inPage})(${JSON.stringify(name)}, ${JSON.stringify(fed)})`)) as number[][]
    await page.close()
    return Math.min(
      ...graph.outputs.map((id, i) => {
        // Detections that are sorted by score change places for a last bit between backends; the scores before do not.
        if (name === 'handtrack' && expected.get(id)!.shape[1] !== 12804) return Number.POSITIVE_INFINITY
        const simulated = Float32Array.from(expected.get(id)!.data as Float32Array)
        expect(outputs[i]).toHaveLength(simulated.length)
        const noise = simulated.reduce((sum, y, k) => sum + (y - outputs[i]![k]!) ** 2, 0)
        return 10 * Math.log10(simulated.reduce((sum, y) => sum + y * y, 0) / noise)
      }),
    )
  }

  test('the shipped layers model gives what was simulated', async () => {
    const feeds = calibration().slice(0, 4).map(channelsLast)
    expect(await sqnrOf('shapes', tfjsModel, feeds, '15%')).toBeGreaterThan(80)
  })

  // The detector without a budget, because its sweep takes a minute.
  for (const [name, path, input, shape, dtype, budget] of [
    ['mobilenet', 'mobilenet_v1_025_224/tfjs/model.json', 'input_2', [1, 224, 224, 3], 'f32', '15%'],
    ['magika', 'magika_v3_3/tfjs/model.json', 'xs_0', [1, 2048], 'i32', '15%'],
    ['blazeface', 'tfjs_human/blazeface.json', 'input', [1, 256, 256, 3], 'f32', '25%'],
    ['emotion', 'tfjs_human/emotion.json', 'input_1', [1, 64, 64, 1], 'f32', '15%'],
    ['handtrack', 'tfjs_human/handtrack.json', 'input_tensor', [1, 320, 320, 3], 'i32', undefined],
  ] as const)
    test.skipIf(!existsSync(`../shared/models/${path}`))(`${name} gives what was simulated`, async () => {
      const length = sizeOf(shape)
      const data =
        dtype === 'i32'
          ? Int32Array.from({ length }, (_, i) => Math.floor(128 + 127 * Math.sin(i / 700)))
          : Float32Array.from({ length }, (_, i) => Math.sin(i / 700))
      const feeds: Tensors[] = [new Map([[input, { dtype, shape, data }]])]
      expect(await sqnrOf(name, `../shared/models/${path}`, feeds, budget)).toBeGreaterThan(40)
    })

  test('a shard that is not there is a MixbitError in the page too', async () => {
    folders.set('broken', new Map([['model.json', folders.get('shapes')!.get('model.json')!]]))
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const error = await page.evaluate(
      `(${inPage})('broken', { data: [], shape: [0], outputs: null }).catch((error) => [error.name, error.code, error.hint])`,
    )
    expect(error).toEqual(['MixbitError', 'TFJS_SHARD_MISSING', expect.stringContaining('again')])
    await page.close()
  })
})
