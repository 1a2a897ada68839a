// The Studio in headless Chromium, served by `mixbit studio` under its strict policy: the whole path, byte for byte beside Node.
import { spawnSync } from 'node:child_process'
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
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeNpy } from '@mixbit/inputs'
import { onnx } from '@mixbit/onnx'
import axe from 'axe-core'
import { unzipSync } from 'fflate'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, dist, executablePath, launch, serve } from './serve.mjs'
import {
  bitsOf,
  download,
  loadExample,
  measure,
  openPage,
  press,
  setBudget,
  textOf,
  type Watched,
  write,
} from './walk.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const example = join(root, 'examples/demo/model')

describe.skipIf(!existsSync(executablePath) || !existsSync(join(dist, 'index.html')) || !existsSync(cli))(
  'the Studio',
  () => {
    let browser: Browser
    let server: Awaited<ReturnType<typeof serve>>
    let folder: string
    beforeAll(async () => {
      server = await serve()
      browser = await launch()
      // Inside the package, so that scripts find the workspace's packages.
      folder = mkdtempSync(fileURLToPath(new URL('.run-', import.meta.url)))
    })
    afterAll(async () => {
      await browser?.close()
      server?.close()
      rmSync(folder, { recursive: true, force: true })
    })

    /** A page for one test, which must not have done anything that it should not. */
    async function inPage(use: (watched: Watched) => Promise<void>, options = {}) {
      const watched = await openPage(browser, server.origin, options)
      try {
        await use(watched)
        expect(watched.faults).toEqual([])
      } finally {
        await watched.page.context().close()
      }
    }

    test('writes the bytes that Node writes, from the script and from the command line that it shows', () =>
      inPage(async ({ page }) => {
        await loadExample(page)
        await measure(page)
        await setBudget(page, '7 %')
        await write(page)
        const written = await download(page, 'Download the model')
        await page.getByText('Make it again from a terminal').click()
        for (const name of ['calibration.npz', 'quantize.mjs']) {
          const file = await download(page, name)
          expect(file.name).toBe(name)
          writeFileSync(join(folder, name), file.bytes)
        }
        copyFileSync(join(example, 'shapes.onnx'), join(folder, 'shapes.onnx'))
        const line = await textOf(page.getByRole('region', { name: 'Command line' }))
        const made = join(folder, 'shapes.mixbit.onnx')
        for (const command of ['node quantize.mjs', line.replace('npx mixbit', `node ${cli}`)]) {
          rmSync(made, { force: true })
          const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' })
          expect(status, stderr).toBe(0)
          expect(readFileSync(made).equals(written.bytes), command).toBe(true)
        }
        // onnxruntime-node opens it and gives the accuracy that the page has counted.
        const right = await rightAnswers(new Uint8Array(written.bytes))
        const table = page.getByRole('row', { name: /^Accuracy/ })
        expect(await textOf(table)).toContain(`${((100 * right) / 600).toFixed(1)} %`)
      }))

    test('the record and the report can be downloaded, and the report opens from its one file', () =>
      inPage(async ({ page }) => {
        await loadExample(page)
        await measure(page)
        await write(page)
        const record = JSON.parse((await download(page, 'run.json')).bytes.toString())
        expect(record).toMatchObject({ format: 'mixbit-run', model: 'shapes', distanceWeightingMethod: 'AVG' })
        const report = await download(page, 'Report (HTML)')
        writeFileSync(join(folder, 'report.html'), report.bytes)
        const reader = await browser.newPage()
        await reader.goto(`file://${join(folder, 'report.html')}`)
        await reader.getByRole('heading', { level: 1, name: 'shapes' }).waitFor()
        await reader.close()
      }))

    test('a larger budget, another weighting and the remedy redraw the bits at once', () =>
      inPage(async ({ page }) => {
        await loadExample(page)
        await measure(page)
        const bits = [await bitsOf(page)]
        await setBudget(page, '7 %')
        bits.push(await bitsOf(page))
        const warning = page.getByRole('region', { name: 'Last-layer warning' })
        expect(await textOf(warning)).toMatch(/dense is starved/)
        await page.getByRole('slider').press('End')
        await warning.waitFor({ state: 'detached' })
        bits.push(await bitsOf(page))
        expect(new Set(bits.map(String)).size).toBe(3)
        // The widest budget gives every layer its widest candidate.
        expect(bits[2]!.every((text) => text.includes('AVG 8 bits, LAST_LAYER 8 bits'))).toBe(true)

        await setBudget(page, '7 %')
        await warning.getByRole('button', { name: /^Switch to/ }).click()
        await warning.waitFor({ state: 'detached' })
        expect(await page.getByLabel('Weighting', { exact: true }).inputValue()).not.toBe('AVG')

        await page.getByLabel('Weighting', { exact: true }).selectOption('LAST_LAYER')
        await page.getByLabel('Compared with').selectOption('')
        await page.waitForFunction(() =>
          document
            .querySelector('.pic-depth li')
            ?.getAttribute('title')
            ?.match(/: LAST_LAYER \d bits?$/),
        )
        for (const method of ['EXP', 'HESSIAN', 'OUTPUT', 'AVG']) {
          await page.getByLabel('Weighting', { exact: true }).selectOption(method)
          await page.locator(`.pic-depth li[title*=": ${method} "]`).first().waitFor()
        }
      }))

    test('a cancelled sweep goes on where it stopped', () =>
      inPage(async ({ page, longTasks }) => {
        await loadExample(page)
        await press(page, 'Continue to sensitivity')
        longTasks.length = 0
        await page.getByLabel('Samples for the sweep').fill('120')
        await page.getByRole('radio', { name: 'Nearest' }).check()
        await cancelInSweep(page)
        await press(page, 'Measure sensitivity')
        await page.getByText('What was measured is kept.').waitFor()
        await press(page, 'Resume')
        await page.getByText(/[1-9]\d* rows? from the interrupted run/).waitFor()
        // The page stays awake while the worker measures.
        expect(longTasks).toEqual([])
      }))

    test('what cannot be read or kept is said in place, with its code and a hint', () =>
      inPage(async ({ page }) => {
        const problem = page.getByRole('alert')
        const open = (name: string, buffer: Buffer) =>
          page.getByLabel('Drop your model here', { exact: true }).setInputFiles({ name, mimeType: '', buffer })
        await open('broken.onnx', Buffer.from('this is no model'))
        await problem.waitFor()
        expect(await textOf(problem)).toMatch(/ONNX_\w+/)
        await open('notes.txt', Buffer.from('none'))
        await page.getByText('STUDIO_NO_MODEL').waitFor()
        expect(await textOf(problem)).toMatch(
          /There is no model among the files \(notes.txt\)\.\s+Drop one \.onnx file/,
        )
        await loadExample(page)
        expect(await problem.count()).toBe(0)
        await page
          .getByLabel('Drop calibration data here', { exact: true })
          .or(page.getByLabel('Other data', { exact: true }))
          .setInputFiles({ name: 'a.npz', mimeType: '', buffer: Buffer.from('x') })
        await page.getByText('DATA_FORMAT').waitFor()
        await measure(page)
        await page.getByLabel('Weights at most').fill('1 %')
        await page.getByLabel('Weights at most').press('Enter')
        await page.getByText('BUDGET_INFEASIBLE').waitFor()
        expect(await textOf(problem)).toMatch(/the smallest achievable is \d+\.\s+Raise the budget/)
        expect(await page.getByRole('button', { name: 'Continue to the result' }).isDisabled()).toBe(true)
      }))

    test('names that are HTML are shown as text, from the model to the report', () =>
      inPage(async ({ page }) => {
        const node = '<b>1x'
        await page
          .getByLabel('Drop your model here', { exact: true })
          .setInputFiles({ name: '<i>a.onnx', mimeType: '', buffer: renamed('conv1', node) })
        await page.getByRole('heading', { name: '<i>a.onnx' }).waitFor()
        await press(page, 'Continue to data')
        const pixels = readFileSync(join(example, 'calibration.bin')).subarray(0, 8 * 3072)
        const pictures = encodeNpy({ dtype: 'u8', shape: [8, 32, 32, 3], data: new Uint8Array(pixels) })
        await page
          .getByLabel('Drop calibration data here', { exact: true })
          .setInputFiles({ name: 'pictures.npy', mimeType: '', buffer: Buffer.from(pictures) })
        await page.getByText('8 pictures').first().waitFor()
        await measure(page)
        expect((await bitsOf(page))[0]).toContain(`${node}: AVG`)
        await write(page)
        await page.getByRole('heading', { name: 'The network' }).waitFor()
        expect(await textOf(page.locator('.page'))).toContain(node)
        expect(await page.locator('b, i').count()).toBe(0)
      }))

    test('the TF.js form of the example goes through, and its script writes the same files', () =>
      inPage(async ({ page }) => {
        await loadExample(page, 'or as TF.js')
        await measure(page)
        await page.getByLabel('Compared with').selectOption('')
        await write(page)
        const { name, bytes } = await download(page, 'Download the model')
        expect(name).toBe('shapes.mixbit.zip')
        const files = unzipSync(new Uint8Array(bytes))
        expect(Object.keys(files)).toContain('model.json')
        await page.getByText('Make it again from a terminal').click()
        for (const file of ['calibration.npz', 'quantize.mjs'])
          writeFileSync(join(folder, file), (await download(page, file)).bytes)
        cpSync(join(example, 'tfjs'), join(folder, 'shapes'), { recursive: true })
        const { status, stderr } = spawnSync('node', ['quantize.mjs'], { cwd: folder, encoding: 'utf8' })
        expect(status, stderr).toBe(0)
        const made = join(folder, 'shapes.mixbit')
        expect(readdirSync(made).sort()).toEqual(Object.keys(files).sort())
        for (const [file, content] of Object.entries(files))
          expect(readFileSync(join(made, file)).equals(content), file).toBe(true)
      }))

    test('budgets on activations and bit operations are searched in the page too', () =>
      inPage(async ({ page }) => {
        await loadExample(page)
        await press(page, 'Continue to sensitivity')
        await page.getByLabel('Target platform').selectOption('onnxruntime-cpu')
        await page.getByLabel('Activation memory').check()
        await page.getByLabel('Bit operations').check()
        await press(page, 'Measure sensitivity')
        await press(page, 'Continue to the budget')
        for (const [name, text] of [
          ['Activation memory at most', '15 %'],
          ['Bit operations at most', '2 %'],
        ] as const) {
          await page.getByLabel(name).fill(text)
          await page.getByLabel(name).press('Enter')
        }
        await page.getByRole('region', { name: 'Bits of activations along the depth' }).waitFor()
        expect(await page.getByRole('alert').count()).toBe(0)
        expect(await textOf(page.locator('.facts').first())).toMatch(/Activation memory\s+\d.*kB/)
      }))

    test('is walked from the first view to the download by keyboard alone', () =>
      inPage(async ({ page }) => {
        const go = async (name: string | RegExp) => {
          await tabTo(page, name)
          await page.keyboard.press('Enter')
        }
        // Steps may come a moment after the key; then the focus is at their heading, without another one.
        const arrived = async (name: string) => {
          await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
          expect(await focused(page)).toBe(name)
        }
        await go('Try the example')
        await page.getByRole('button', { name: 'Continue to data' }).and(page.locator(':enabled')).waitFor()
        await go('Continue to data')
        await arrived('Data')
        await go('Continue to sensitivity')
        await arrived('Sensitivity')
        await go('Measure sensitivity')
        await page.getByRole('heading', { name: 'What was measured' }).waitFor()
        await go('Continue to the budget')
        await arrived('Budget')
        await tabTo(page, /^Budget of the weights/)
        const before = await bitsOf(page)
        for (let i = 0; i < 3; i++) await page.keyboard.press('PageUp')
        await page.waitForFunction(
          (first) => document.querySelector('.pic-depth li[title]')?.parentElement?.textContent !== first,
          String(before),
        )
        expect(await bitsOf(page)).not.toEqual(before)
        await go('Continue to the result')
        await arrived('Result')
        await go(/^Write the/)
        await page.getByRole('button', { name: 'Download the model' }).waitFor()
        await page.getByRole('heading', { name: /^Writing/ }).waitFor({ state: 'detached' })
        await tabTo(page, 'Download the model')
        const [file] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
        expect(file.suggestedFilename()).toBe('shapes.mixbit.onnx')
      }))

    for (const colorScheme of ['light', 'dark'] as const)
      test(`axe finds nothing serious in any step, ${colorScheme}, on a phone`, () =>
        inPage(
          async ({ page }) => {
            expect(await seriousIn(page)).toEqual([])
            await loadExample(page)
            expect(await seriousIn(page)).toEqual([])
            await measure(page)
            await setBudget(page, '7 %')
            await page.getByRole('region', { name: 'Last-layer warning' }).waitFor()
            expect(await seriousIn(page)).toEqual([])
            expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
            await write(page)
            await page.getByText('Make it again from a terminal').click()
            expect(await seriousIn(page)).toEqual([])
            expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
          },
          { viewport: { width: 360, height: 740 }, colorScheme, reducedMotion: 'reduce' },
        ))
  },
)

/** How many of the 600 test pictures a written model has right in onnxruntime-node. */
async function rightAnswers(model: Uint8Array): Promise<number> {
  const session = await onnx().open!(model)
  const records = readFileSync(join(example, 'test.bin'))
  let right = 0
  for (let at = 0; at < records.length; at += 3073) {
    const pixels = records.subarray(at + 1, at + 3073)
    const data = Float32Array.from(
      { length: 3072 },
      (_, i) => pixels[(i % 1024) * 3 + Math.floor(i / 1024)]! / 127.5 - 1,
    )
    const outputs = await session.run(new Map([['input', { dtype: 'f32', shape: [1, 3, 32, 32], data }]]))
    const logits = Array.from(outputs.get('logits')!.data as Float32Array)
    if (logits.indexOf(Math.max(...logits)) === records[at]) right++
  }
  await session.dispose()
  return right
}

/** The example with all occurrences of a name replaced by one of the same length. */
function renamed(from: string, to: string): Buffer {
  const text = readFileSync(join(example, 'shapes.onnx')).toString('latin1')
  return Buffer.from(text.replaceAll(from, to), 'latin1')
}

/** Presses Cancel as soon as some layers are measured: from inside the page, because the example is measured in a second. */
const cancelInSweep = (page: Page) =>
  page.evaluate(() => {
    const look = () => {
      const measuring = document.querySelector('.stages .current')?.textContent === 'Measure'
      const some = /^[2-7] of 8/.test(document.querySelector('.progress-text')?.textContent ?? '')
      if (!measuring || !some) return requestAnimationFrame(look)
      for (const button of document.querySelectorAll('button')) if (button.textContent === 'Cancel') button.click()
    }
    look()
  })

/** Presses Tab until the focus is on the control of that name. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press('Tab')
    const found = await focused(page)
    if (typeof name === 'string' ? found === name : name.test(found)) return
  }
  throw new Error(`Tab does not reach ${name}.`)
}

/** What the focused element says. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement as HTMLInputElement | null
    return (element?.labels?.[0]?.textContent ?? element?.textContent ?? '').trim()
  })

/** Serious and critical findings of axe, as `rule: target`. */
async function seriousIn(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document)
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`))
  })
}
