import { symmetricGrid } from '@mixbit/quantizers'
import { expect, test } from 'vitest'
import type { LiveStep } from './activation-memory.ts'
import { scheduleOf } from './schedule.ts'

const steps: LiveStep[] = [
  {
    node: 'conv',
    tensors: [
      { value: 'x', elements: 100, activation: 0, bits: 32 },
      { value: 'a', elements: 40, activation: 1, bits: 32 },
    ],
  },
  {
    node: 'dense',
    tensors: [
      { value: 'a', elements: 40, activation: 1, bits: 32 },
      { value: 'mask', elements: 10, activation: null, bits: 8 },
      { value: 'y', elements: 12, activation: null, bits: 32 },
    ],
  },
]

/** A choice of bits for every activation. */
const at = (...widths: number[]) => widths.map((bits) => ({ bits, grid: symmetricGrid({ threshold: 1, bits }) }))

test('every step counts its tensors at the chosen bits, and the peak names them, the largest first', () => {
  expect(scheduleOf(steps, at(4, 8))).toEqual({
    steps: [
      { node: 'conv', bytes: 90 },
      { node: 'dense', bytes: 98 },
    ],
    peak: {
      node: 'dense',
      bytes: 98,
      tensors: [
        { value: 'y', bits: 32, bytes: 48 },
        { value: 'a', bits: 8, bytes: 40 },
        { value: 'mask', bits: 8, bytes: 10 },
      ],
    },
  })
})

test('other bits move the peak', () => {
  expect(scheduleOf(steps, at(8, 4)).peak).toMatchObject({ node: 'conv', bytes: 120 })
})
