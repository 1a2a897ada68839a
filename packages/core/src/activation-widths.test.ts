import type { Adapter } from '@mixbit/adapter'
import { type MixbitError, parseGraph } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { activationWidths } from './activation-widths.ts'
import { type ActivationsConfig, type OperatorSet, targetPlatforms } from './target-platform.ts'

const prepared = parseGraph(`graph g(%x: f32[1,4]) {
  %a: f32[1,4] = conv Conv(%x) #first
  %b: f32[1,4] = conv Conv(%a) #narrow
  %y: f32[1,4] = add Add(%b, %a) #join
  return %y
}`)
const config: ActivationsConfig = { bits: [4, 16, 8], scheme: 'uniform' }
const widths = (own: Partial<ActivationsConfig>, operatorSets: OperatorSet[] = [], activationBits = [4, 8, 16]) => {
  const platform = { ...targetPlatforms['onnxruntime-cpu']!, operatorSets }
  const adapter = {
    name: 'onnx',
    capabilities: { weights: new Set(), weightBits: [], activationBits },
  } as unknown as Adapter
  return activationWidths({ prepared, platform, adapter })(['a'], { ...config, ...own })
}

test('come widest first, and the widest is the base unless the platform names another', () => {
  expect(widths({})).toEqual({ widths: [16, 8, 4], base: 16, otherBase: null })
  expect(widths({ base: 8 })).toEqual({ widths: [16, 8, 4], base: 8, otherBase: null })
})

test('are those that every reader takes; a base that one cannot take is replaced, and the reason told', () => {
  const convs: OperatorSet = { name: 'convs', kinds: ['conv'], supportedInputBits: [2, 8] }
  const adds: OperatorSet = { name: 'adds', kinds: ['add'], supportedInputBits: [16] }
  expect(widths({ base: 8 }, [convs, adds])).toEqual({ widths: [8, 4], base: 8, otherBase: null })
  const { otherBase, ...rest } = widths({}, [convs, adds])
  expect(rest).toEqual({ widths: [8, 4], base: 8 })
  expect(otherBase).toBe('Activation %a has a base of 8 bits instead of 16: narrow takes at most 8 bits.')
})

test('are those that the adapter can write', () => {
  const { otherBase, ...rest } = widths({}, [], [4])
  expect(rest).toEqual({ widths: [4], base: 4 })
  expect(otherBase).toContain('the onnx adapter writes 4 bits')
})

test('that nobody takes are an error that names the field', () => {
  const failing = () => widths({ bits: [16, 8] }, [{ name: 'convs', kinds: ['conv'], supportedInputBits: [4] }])
  expect(failing).toThrow(
    /%a has no candidate: activations\.bits of onnxruntime-cpu are 16, 8, and narrow takes at most 4/,
  )
  expect(failing).toThrow(expect.objectContaining({ code: 'TARGET_PLATFORM_NO_CANDIDATE' }) as MixbitError)
  expect(() => widths({}, [], [])).toThrow('the onnx adapter writes no activations')
})
