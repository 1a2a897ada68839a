// A page of the Studio that notes whatever it should not do, and the steps that most tests begin with.
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'

export interface Watched {
  readonly page: Page
  /** Requests elsewhere, violations of the policy, errors on the console. */
  readonly faults: string[]
  /** Tasks of the main thread over 200 ms, in milliseconds. */
  readonly longTasks: number[]
}

/** A fresh page; `faults` fills while it is used. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    acceptDownloads: true,
    ...options,
  })
  const page = await context.newPage()
  // Machines that do other things at the same time are slow, not wrong.
  page.setDefaultTimeout(90_000)
  const faults: string[] = []
  const longTasks: number[] = []
  const fault = (text: string) => faults.push(text)
  context.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(origin) && !url.startsWith(`blob:${origin}`) && !url.startsWith('data:'))
      fault(`request ${url}`)
  })
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content Security Policy/.test(message.text())) fault(`console ${message.text()}`)
  })
  page.on('pageerror', (error) => fault(`error ${error.message}`))
  await page.exposeFunction('mixbitFault', fault)
  await page.exposeFunction('mixbitLongTask', (milliseconds: number) => longTasks.push(milliseconds))
  await page.addInitScript(() => {
    const { mixbitFault, mixbitLongTask } = window as unknown as {
      mixbitFault(text: string): void
      mixbitLongTask(milliseconds: number): void
    }
    addEventListener('securitypolicyviolation', (event) =>
      mixbitFault(`policy ${event.violatedDirective} ${event.blockedURI}`),
    )
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) if (duration > 200) mixbitLongTask(Math.round(duration))
    }).observe({ type: 'longtask', buffered: true })
  })
  await page.goto(origin)
  return { page, faults, longTasks }
}

/** The button of that name, once it can be pressed. */
export const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click()

export async function loadExample(page: Page, button = 'Try the example'): Promise<void> {
  await press(page, button)
  await press(page, 'Continue to data')
  await page.getByText('600 pictures').waitFor()
}

export async function measure(page: Page): Promise<void> {
  await press(page, 'Continue to sensitivity')
  await press(page, 'Measure sensitivity')
  await page.getByRole('heading', { name: 'What was measured' }).waitFor()
  await press(page, 'Continue to the budget')
  await page.getByRole('slider').waitFor()
}

/** Types a budget and waits until its choice is there. */
export async function setBudget(page: Page, text: string): Promise<void> {
  const field = page.getByLabel('Weights at most')
  await field.fill(text)
  await field.press('Enter')
  await page
    .getByText(`${Number.parseFloat(text).toFixed(1)} %`, { exact: true })
    .first()
    .waitFor()
}

export async function write(page: Page): Promise<void> {
  await press(page, 'Continue to the result')
  await press(page, /^Write the/)
  await page.getByRole('button', { name: 'Download the model' }).waitFor()
  await page.getByRole('heading', { name: /^Writing/ }).waitFor({ state: 'detached' })
}

/** The bytes that a button hands to the downloads, and their name. */
export async function download(page: Page, name: string | RegExp): Promise<{ name: string; bytes: Buffer }> {
  const [file] = await Promise.all([page.waitForEvent('download'), press(page, name)])
  const chunks: Buffer[] = []
  for await (const chunk of await file.createReadStream()) chunks.push(chunk as Buffer)
  return { name: file.suggestedFilename(), bytes: Buffer.concat(chunks) }
}

/** What a person reads of the choice: bits per layer as the chart says them to a screen reader. */
export const bitsOf = async (page: Page): Promise<string[]> =>
  page.locator('.pic-depth li').evaluateAll((items) => items.map((item) => item.getAttribute('title') ?? ''))

/** What a person reads there. */
export const textOf = async (locator: Locator): Promise<string> => (await locator.allInnerTexts()).join('\n')
