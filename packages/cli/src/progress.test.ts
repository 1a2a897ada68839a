import { expect, test } from 'vitest'
import { progressLine, showProgress } from './progress.ts'

const event = (done: number) => ({
  stage: 'sensitivity' as const,
  done,
  total: 20,
  message: 'conv3',
  remainingMs: 80_000,
})

function shown(isTTY: boolean, quiet = false): string {
  let text = ''
  const stderr = (more: string) => {
    text += more
  }
  const progress = showProgress({ stderr, isTTY, columns: 100 }, quiet)
  for (let done = 0; done <= 20; done++) progress.on(event(done))
  progress.end()
  return text
}

test('a line has a bar, the share, the count, the time left and what is done', () => {
  expect(progressLine(event(9), 100)).toBe('sensitivity  █████████░░░░░░░░░░░   45 %  9/20  1:20 left  conv3')
  expect(progressLine(event(9), 30)).toHaveLength(30)
})

test('a terminal gets one line that redraws itself and is cleared at the end', () => {
  expect(shown(true)).not.toContain('\n')
  expect(shown(true).endsWith('\r\x1b[K')).toBe(true)
})

test('a log gets a line for each quarter, and a quiet run nothing', () => {
  expect(
    shown(false)
      .trim()
      .split('\n')
      .map((line) => line.match(/\d+ %/)![0]),
  ).toEqual(['0 %', '25 %', '50 %', '75 %', '100 %'])
  expect(shown(true, true)).toBe('')
})
