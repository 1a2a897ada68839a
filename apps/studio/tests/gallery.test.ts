// The pictures of the documentation: only when MIXBIT_GALLERY is set, so that tests leave the tree alone.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dist, executablePath, launch, serve } from './serve.mjs'
import { loadExample, measure, openPage, press, setBudget, write } from './walk.ts'

const pictures = fileURLToPath(new URL('../../../docs/pictures/studio', import.meta.url))
const able = existsSync(executablePath) && existsSync(dist)

const sizes = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const

describe.skipIf(!able || !process.env.MIXBIT_GALLERY)('the gallery', () => {
  let browser: Browser
  let server: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    server = await serve()
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  for (const colorScheme of ['light', 'dark'] as const)
    for (const [size, options] of Object.entries(sizes))
      test(`every step, ${colorScheme}, on a ${size}`, async () => {
        const { page, faults } = await openPage(browser, server.origin, {
          ...options,
          colorScheme,
          reducedMotion: 'reduce',
        })
        const shoot = async (name: string) => {
          await settled(page)
          // A palette takes a third of the bytes, and nobody sees the difference.
          const { size: bytes } = await sharp(await page.screenshot())
            .png({ palette: true, colours: 192, compressionLevel: 9, effort: 10 })
            .toFile(`${pictures}-${name}-${colorScheme}-${size}.png`)
          expect(bytes).toBeLessThan(150_000)
        }
        await shoot('start')
        await loadExample(page)
        await shoot('data')
        await page.getByRole('button', { name: 'Back' }).click()
        await shoot('model')
        await press(page, 'Continue to data')
        await measure(page)
        await shoot('budget')
        await setBudget(page, '7 %')
        await page.getByRole('region', { name: 'Last-layer warning' }).waitFor()
        await showHeading(page, 'dense is starved')
        await shoot('warning')
        await showHeading(page, 'What each kilobyte buys')
        await shoot('curve')
        await press(page, 'Back')
        await shoot('sensitivity')
        await press(page, 'Continue to the budget')
        await write(page)
        await shoot('result')
        await showHeading(page, 'The network')
        await shoot('network')
        expect(faults).toEqual([])
        await page.context().close()
      })
})

/** Puts a heading near the top. */
async function showHeading(page: Page, name: string): Promise<void> {
  const heading = page.getByRole('heading', { name })
  await heading.waitFor()
  await heading.evaluate((element) => scrollTo(0, element.getBoundingClientRect().top + scrollY - 40))
}

/** Until layouts that are made in a worker and pictures that follow one another are there; with nothing under the pointer. */
async function settled(page: Page): Promise<void> {
  await page.mouse.move(0, 0)
  await page.waitForTimeout(900)
}
