import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import axe from 'axe-core'
import { chromium, type Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { main } from './main.ts'
import { fakeIo } from './testing/fake.ts'
import { emptyFolder } from './testing/folder.ts'

const executablePath = '/usr/bin/chromium'
const demo = 'examples/demo/model'
const data = ['-c', `${demo}/calibration.bin`, '--dtype', 'u8', '--shape', '32,32,3', '--preset', 'imagenet-tf']

/** The top of the page for the docs, made with MIXBIT_PICTURES=1. */
const picture = (tab: Page) =>
  tab.screenshot({
    path: 'docs/pictures/report.png',
    fullPage: true,
    clip: { x: 0, y: 0, width: 1280, height: 2240 },
  })

/** The real command line with what it printed. */
async function run(...argv: string[]) {
  const { io, seen } = fakeIo()
  const { load: _, ...real } = io
  return { code: await main(argv, real), ...seen }
}

describe('the run of the demo', () => {
  let record = ''
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mixbit-report-'))
    const path = join(folder, 'run.json')
    const quantized = await run(
      ...['quantize', `${demo}/shapes.onnx`, ...data, '--samples', '16', '--target', 'onnxruntime-cpu', '--schedule'],
      ...['--weights-memory', '6%', '--activation-memory', '20%', '--distance-weighting', 'AVG'],
      ...['-o', join(folder, 'small.onnx'), '--report', path],
    )
    expect(quantized.code, quantized.stderr).toBe(0)
    record = await readFile(path, 'utf8')
    await rm(folder, { recursive: true })
  })

  /** A page made of the record. */
  async function page() {
    const folder = await emptyFolder()
    const [json, html] = [join(folder, 'run.json'), join(folder, 'report.html')]
    await writeFile(json, record)
    const { code, stdout, stderr } = await run('report', json, '-o', html, '--json')
    expect(code, stderr).toBe(0)
    return { html, result: JSON.parse(stdout) }
  }

  test('becomes one file of less than 2 MB', async () => {
    const { html, result } = await page()
    const { size } = await stat(html)
    expect(result).toEqual({ model: 'shapes', output: html, bytes: size })
    expect(size).toBeLessThan(2e6)
    expect(await readFile(html, 'utf8')).not.toMatch(/(src|href)="(https?:|\.|\/)/)
  })

  test.skipIf(!existsSync(executablePath))(
    'opens from the disk without a request, an error or a page that scrolls sideways, in light and dark, wide and narrow',
    async () => {
      const { html } = await page()
      const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
      try {
        for (const [colorScheme, width] of [
          ['light', 1280],
          ['dark', 1280],
          ['light', 360],
          ['dark', 360],
        ] as const) {
          const tab = await browser.newPage({ colorScheme, viewport: { width, height: 900 } })
          const trouble: string[] = []
          tab.on('console', (message) => trouble.push(message.text()))
          tab.on('pageerror', (error) => trouble.push(error.message))
          tab.on('request', (request) => trouble.push(request.url()))
          await tab.goto(pathToFileURL(html).href)
          await tab.waitForSelector('.react-flow__node')
          await tab.waitForSelector('#frontier svg')
          // The page itself, its empty icon, and the worker in it.
          const asked = trouble.filter((text) => !/^(file:.*report\.html|data:,|blob:.*)$/.test(text))
          expect(asked).toEqual([])
          expect(await tab.title()).toBe('shapes · Mixbit report')
          expect(await tab.locator('.report-verdict').textContent()).toMatch(
            /became .* SQNR .* weakest spot is \w+ with/,
          )
          const scrolls = () =>
            tab.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
          expect(await scrolls()).toBe(false)
          if (process.env.MIXBIT_PICTURES && width > 1000 && colorScheme === 'light') await picture(tab)
          for (const toggle of await tab.locator('.pic-toggle > button').all()) await toggle.click()
          expect(await tab.locator('.pic-toggle table').count()).toBeGreaterThan(5)
          expect(await scrolls()).toBe(false)
          const links = await tab
            .locator('.report-contents a')
            .evaluateAll((all) => all.map((a) => a.getAttribute('href')!))
          expect(links).toEqual(expect.arrayContaining(['#facts', '#bits', '#network', '#sensitivity', '#schedule']))
          for (const link of links) expect(await tab.locator(link).count(), link).toBe(1)
          await tab.close()
        }
      } finally {
        await browser.close()
      }
    },
  )

  test.skipIf(!existsSync(executablePath))(
    'has no fault of accessibility that axe finds, in light and dark',
    async () => {
      const { html } = await page()
      const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
      try {
        for (const colorScheme of ['light', 'dark'] as const) {
          // The page's own policy would keep the examiner out.
          const context = await browser.newContext({ colorScheme, bypassCSP: true })
          const tab = await context.newPage()
          await tab.goto(pathToFileURL(html).href)
          await tab.waitForSelector('.react-flow__node')
          for (const toggle of await tab.locator('.pic-toggle > button').all()) await toggle.click()
          await tab.addScriptTag({ content: axe.source })
          const { violations, passes } = (await tab.evaluate('axe.run()')) as axe.AxeResults
          expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
          expect(passes.map(({ id }) => id)).toContain('color-contrast')
          await context.close()
        }
      } finally {
        await browser.close()
      }
    },
  )

  test.skipIf(!existsSync(executablePath))('is walked by keyboard, from node to node', async () => {
    const { html } = await page()
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    try {
      const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      await tab.goto(pathToFileURL(html).href)
      await tab.waitForSelector('.react-flow__node')
      await tab.locator('.pic-graph').focus()
      for (const key of ['Home', 'ArrowDown', 'ArrowDown', 'Enter']) await tab.keyboard.press(key)
      await tab.waitForSelector('.pic-panel-name:text-is("conv2")')
      await tab.getByLabel('Find a node').fill('dense')
      await tab.keyboard.press('Enter')
      await tab.waitForSelector('.pic-node-active:has-text("dense")')
      // The heat map reads one pair after the other.
      await tab.locator('.pic-distances svg').focus()
      for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await tab.keyboard.press(key)
      expect(await tab.locator('.pic-readout').textContent()).toMatch(/^conv2 moves conv2 by /)
    } finally {
      await browser.close()
    }
  })
})

test.each([
  ['a file that is not there', null, 4, 'RUN_RECORD_NOT_FOUND'],
  ['a file that is no JSON', 'ELF', 4, 'RUN_RECORD_INVALID'],
  ['another JSON', '{}', 4, 'RUN_RECORD_INVALID'],
  ['the report of an older version', '{ "layers": [], "utilization": {} }', 4, 'RUN_RECORD_VERSION'],
])('%s ends with an error and a hint, and writes nothing', async (_what, content, code, word) => {
  const folder = await emptyFolder()
  const [json, html] = [join(folder, 'run.json'), join(folder, 'report.html')]
  if (content !== null) await writeFile(json, content)
  const { stderr, ...ended } = await run('report', json, '-o', html)
  expect(ended.code).toBe(code)
  expect(stderr).toContain(`[${word}]`)
  expect(stderr).toContain('hint: Write one with `mixbit quantize')
  expect(existsSync(html)).toBe(false)
})

test('a report needs a file to write, which is not the run itself', async () => {
  const folder = await emptyFolder()
  const json = join(folder, 'run.json')
  await writeFile(json, '{}')
  expect((await run('report', json)).code).toBe(2)
  expect((await run('report', json, '-o', json)).stderr).toContain('[OUTPUT_IS_INPUT]')
})
