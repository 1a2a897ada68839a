// mobilenet_v1_025_224 with 64 pictures through the Studio in headless Chromium, beside Node with the same data: seconds per stage, the
// longest task of the page's main thread while the worker measures, milliseconds from a move of the slider to the redrawn bits; and what
// the first view loads. `node bench/studio.mjs`
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { cli, dist, launch, serve } from '../apps/studio/tests/serve.mjs'
import { shared, sharedIsThere } from './models.mjs'

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`
const gzip = (path) => gzipSync(readFileSync(path)).length

/** What index.html names, and what stands in what it names first. */
function firstLoad() {
  const page = readFileSync(join(dist, 'index.html'), 'utf8')
  const files = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1])
  const sizes = ['index.html', ...files].map((name) => [name, gzip(join(dist, name))])
  for (const [name, size] of sizes) console.log(`  ${name.padEnd(36)} ${kB(size)}`)
  return sizes.reduce((sum, [, size]) => sum + size, 0)
}

console.log('First view, gzip:')
console.log(`  together ${kB(firstLoad())} (budget 400 kB)`)
const worker = readdirSync(join(dist, 'assets')).find((name) => /^worker-.*\.js$/.test(name))
console.log(`  worker, with the first model: ${kB(gzip(join(dist, 'assets', worker)))}`)
console.log(`  template of reports: ${kB(statSync(join(dist, 'report.html')).size)} (budget 2 MB)`)

if (!sharedIsThere) {
  console.log('The shared models are not here: the rest is skipped.')
  process.exit(0)
}

const pictures = readdirSync(join(shared, 'data/imagenet-sample500'))
  .filter((name) => name.endsWith('.jpg'))
  .sort()
  .filter((_, i) => i % 7 === 0)
  .slice(0, 64)
  .map((name) => join(shared, 'data/imagenet-sample500', name))

const server = await serve()
const browser = await launch()
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, acceptDownloads: true })
await page.addInitScript(() => {
  window.tasks = []
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.tasks.push(duration)
  }).observe({ type: 'longtask', buffered: true })
  // When the worker has answered last.
  const listen = Worker.prototype.addEventListener
  Worker.prototype.addEventListener = function (type, listener) {
    return listen.call(this, type, (event) => {
      listener(event)
      if (event.data?.answer?.choices) window.solved?.(event.data.answer.milliseconds)
    })
  }
})
await page.goto(server.origin)

const press = (name) => page.getByRole('button', { name }).click({ timeout: 0 })
const clock = async (what, run) => {
  const start = performance.now()
  await run()
  const seconds = (performance.now() - start) / 1000
  console.log(`  ${what.padEnd(36)} ${seconds.toFixed(1)} s`)
  return seconds
}

console.log('In the page:')
await clock('model', async () => {
  await page
    .getByLabel('Drop your model here', { exact: true })
    .setInputFiles(join(shared, 'models/mobilenet_v1_025_224/model.onnx'))
  await page.getByRole('heading', { name: 'model.onnx' }).waitFor()
})
await press('Continue to data')
await page.getByLabel('Preset').selectOption('imagenet-tf')
await clock('64 pictures', async () => {
  await page.getByLabel('Drop calibration data here', { exact: true }).setInputFiles(pictures)
  await page.getByText('64 pictures').waitFor({ timeout: 0 })
})
await press('Continue to sensitivity')
await page.getByLabel('Samples for the sweep').fill('64')
await page.getByLabel('Samples for the sweep').press('Enter')
await page.evaluate(() => {
  window.tasks.length = 0
})
await clock('analysis', async () => {
  await press('Measure sensitivity')
  await page.getByRole('heading', { name: 'What was measured' }).waitFor({ timeout: 0 })
})
const tasks = await page.evaluate(() => window.tasks)
console.log(`  longest task of the main thread meanwhile: ${Math.max(0, ...tasks).toFixed(0)} ms (0: none over 50 ms)`)

await press('Continue to the budget')
await page.getByRole('slider').waitFor()
await page.getByLabel('Compared with').selectOption('')
const moves = await page.evaluate(async () => {
  const slider = document.querySelector('input[type=range]')
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set
  const [min, max] = [Number(slider.min), Number(slider.max)]
  const times = []
  for (let i = 0; i < 60; i++) {
    const start = performance.now()
    const answered = new Promise((resolve) => {
      window.solved = resolve
    })
    set.call(slider, String(min + ((max - min) * ((i * 37) % 60)) / 60))
    slider.dispatchEvent(new Event('input', { bubbles: true }))
    const milliseconds = await answered
    await new Promise(requestAnimationFrame)
    times.push([milliseconds, performance.now() - start])
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return times
})
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]
const [solve, whole] = [0, 1].map((i) => moves.map((move) => move[i]))
console.log(
  `  a move of the slider, 60 budgets: solved in ${median(solve).toFixed(1)} ms, at most ${Math.max(...solve).toFixed(1)} ms; redrawn after ${median(whole).toFixed(0)} ms, at most ${Math.max(...whole).toFixed(0)} ms`,
)

await page.getByLabel('Weights at most').fill('20 %')
await page.getByLabel('Weights at most').press('Enter')
await press('Continue to the result')
await clock('written', async () => {
  await press(/^Write the/)
  await page.getByRole('button', { name: 'Download the model' }).waitFor({ timeout: 0 })
})
const folder = mkdtempSync(join(tmpdir(), 'mixbit-studio-'))
const download = async (name) => {
  const [file] = await Promise.all([page.waitForEvent('download', { timeout: 0 }), press(name)])
  const path = join(folder, file.suggestedFilename())
  await file.saveAs(path)
  return path
}
const written = readFileSync(await download('Download the model'))
const record = JSON.parse(readFileSync(await download('run.json'), 'utf8'))
await page.getByText('Make it again from a terminal').click()
await download('calibration.npz')
const line = (await page.getByRole('region', { name: 'Command line' }).allInnerTexts())[0].replaceAll('\\\n', ' ')
await browser.close()
server.close()

// The same data in Node: on the same WebAssembly, and on the native runtime.
copyFileSync(join(shared, 'models/mobilenet_v1_025_224/model.onnx'), join(folder, 'model.onnx'))
const inNode = (runtime) => {
  const command = line
    .replace('npx mixbit', `node ${cli}`)
    .replace('--runtime web', `--runtime ${runtime} --threads 1 --json --quiet`)
  const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8', maxBuffer: 1e9 })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout).timings
}
const web = inNode('web')
const same = readFileSync(join(folder, 'model.mixbit.onnx')).equals(written)
const native = inNode('node')
rmSync(folder, { recursive: true })
console.log(`The bytes are ${same ? 'those' : 'NOT those'} that Node writes on onnxruntime-web.`)
console.log(
  '\n| stage | page, s | Node on onnxruntime-web, s | Node on onnxruntime-node, s |\n| --- | --- | --- | --- |',
)
const seconds = (times, stage) => (times[stage] / 1000).toFixed(1)
for (const stage of ['prepared', 'observed', 'sensitivity', 'assignment', 'artifact'])
  console.log(`| ${stage} | ${seconds(record.timings, stage)} | ${seconds(web, stage)} | ${seconds(native, stage)} |`)
