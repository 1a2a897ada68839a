import { readdirSync, readFileSync } from 'node:fs'
import type { MixbitError } from '@mixbit/graph'
import { toJsonSchema } from '@valibot/to-json-schema'
import { describe, expect, test } from 'vitest'
import { type TargetPlatform, targetPlatform, targetPlatforms, withWeightBits } from './target-platform.ts'
import { platformForm } from './target-platform-schema.ts'

/** What JSON.parse gives: anything. */
type Json = ReturnType<typeof JSON.parse>

const thrown = (run: () => unknown): MixbitError => {
  try {
    run()
  } catch (error) {
    return error as MixbitError
  }
  throw new Error('Nothing was thrown.')
}
const folder = new URL('../target-platforms/', import.meta.url)
const schemaFile = new URL('../target-platform.schema.json', import.meta.url)
const imx500 = targetPlatforms.imx500!

/** A platform as it comes out of a JSON file, with a change. */
const changed = (change: (data: Json) => void, of: TargetPlatform = imx500): TargetPlatform => {
  const data = JSON.parse(JSON.stringify(of))
  change(data)
  return data
}
const faultsOf = (platform: unknown): readonly string[] => {
  const error = thrown(() => targetPlatform(platform as TargetPlatform))
  expect(error.code).toBe('TARGET_PLATFORM_INVALID')
  return error.context!.faults as readonly string[]
}

test('the built-in platforms are the files that are shipped, and each is valid', () => {
  const files = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')))
  expect(files.map(({ name }) => name).sort()).toEqual(Object.keys(targetPlatforms).sort())
  for (const data of files) {
    expect(targetPlatforms[data.name]).toEqual(data)
    expect(targetPlatform(data)).toEqual(data)
    expect(targetPlatform(data.name)).toBe(targetPlatforms[data.name])
  }
})

test('the published JSON schema says what the code checks (vitest -u writes it)', async () => {
  const schema = { title: 'Target platform of Mixbit', ...toJsonSchema(platformForm) }
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(schemaFile.pathname)
})

test('an unknown name is answered with the names there are', () => {
  const error = thrown(() => targetPlatform('tpu'))
  expect(error.code).toBe('TARGET_PLATFORM_UNKNOWN')
  expect(error.hint).toContain('weights-only, onnxruntime-cpu, onnxruntime-web, tfjs, imx500')
  for (const name of ['toString', '__proto__', ''])
    expect(thrown(() => targetPlatform(name)).code).toBe('TARGET_PLATFORM_UNKNOWN')
})

describe('bad data is answered with the field', () => {
  test.each<[string, string, (data: Json) => void]>([
    ['an empty candidate set', 'weights.bits: The candidate set is empty', (p) => (p.weights.bits = [])],
    [
      'one of an operator set',
      'operatorSets.0.activations.bits: The candidate set is empty',
      (p) => (p.operatorSets[0].activations = { bits: [] }),
    ],
    [
      'no input that is taken',
      'operatorSets.0.supportedInputBits: The candidate set is empty',
      (p) => (p.operatorSets[0].supportedInputBits = []),
    ],
    ['a width that no grid has', 'activations.bits.1: ', (p) => (p.activations.bits = [8, 1])],
    [
      'an unknown kind',
      'operatorSets.0.kinds.1: Invalid type: Expected ("conv"',
      (p) => (p.operatorSets[0].kinds = ['conv', 'convolution']),
    ],
    ['an unknown scheme', 'weights.scheme: ', (p) => (p.weights.scheme = 'log')],
    ['an unknown field', 'activationBits: There is no such field', (p) => (p.activationBits = [8])],
    ['a missing field', 'operatorSets: This field is missing', (p) => delete p.operatorSets],
    [
      'a base that is no candidate',
      'activations.base: The base of 16 bits is none of the candidates 8, 4, 2',
      (p) => (p.activations.base = 16),
    ],
    [
      'such a base in a set',
      'operatorSets.0.weights.base: The base of 8 bits is none',
      (p) => (p.operatorSets[0].weights = { bits: [4], base: 8 }),
    ],
    [
      'a sign on a uniform grid',
      'activations.signedness: Uniform grids',
      (p) => Object.assign(p.activations, { scheme: 'uniform', signedness: 'signed' }),
    ],
    [
      'two sets of one name',
      'operatorSets.1.name: operatorSets.0 has this name too',
      (p) => (p.operatorSets[1].name = 'linear'),
    ],
    [
      'a set of nothing',
      'operatorSets.0.kinds: The set names neither kinds nor ops',
      (p) => delete p.operatorSets[0].kinds,
    ],
    [
      'a pattern of nothing known',
      'fusingPatterns.0.1: There is no operator set and no kind "swish"',
      (p) => (p.fusingPatterns = [['linear', 'swish']]),
    ],
    ['a pattern of one', 'fusingPatterns.0: ', (p) => (p.fusingPatterns = [['linear']])],
    [
      'activations of a set alone',
      'operatorSets.0.activations: The platform has no activations',
      (p) => {
        delete p.activations
        p.operatorSets[0].activations = { bits: [8] }
      },
    ],
    ['a version that is a text', 'schemaVersion: ', (p) => (p.schemaVersion = 'one')],
  ])('%s', (_, fault, change) => {
    const faults = faultsOf(changed(change))
    expect(faults).toHaveLength(1)
    expect(faults[0]!.startsWith(fault), faults[0]).toBe(true)
  })

  test('all of it at once', () => {
    const faults = faultsOf(
      changed((p) => {
        p.weights.bits = []
        p.activations.scheme = 'log'
        p.operatorSets[0].kinds = ['convolution']
      }),
    )
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'weights.bits',
      'activations.scheme',
      'operatorSets.0.kinds.0',
    ])
  })

  test('but a newer schema version is said alone, with what to do', () => {
    const newer = changed((p) => Object.assign(p, { schemaVersion: 2, weights: 'another form' }))
    expect(faultsOf(newer)).toEqual(['schemaVersion: the data has version 2, and this Mixbit reads 1'])
    expect(thrown(() => targetPlatform(newer)).hint).toBe('Install a newer Mixbit.')
  })

  test.each([null, 3, [], true])('also when it is %j', (data) => {
    expect(faultsOf(data).length).toBeGreaterThan(0)
  })

  test('and no key reaches a prototype', () => {
    const evil = (key: string) =>
      JSON.parse(JSON.stringify(imx500).replace('"weights":', `"${key}": { "polluted": true }, "weights":`))
    for (const key of ['__proto__', 'constructor', 'prototype'])
      expect(faultsOf(evil(key))).toEqual([`${key}: There is no such field`])
    const inside = JSON.parse(
      JSON.stringify(imx500).replace('"perChannel"', '"__proto__": { "polluted": true }, "perChannel"'),
    )
    expect(faultsOf(inside)).toEqual(['weights.__proto__: There is no such field'])
    expect('polluted' in {}).toBe(false)
  })
})

test('other weight bit-widths replace those of every set, and their bases', () => {
  const own = changed((p) => {
    p.weights.base = 4
    p.operatorSets[0].weights = { bits: [8], base: 8, scheme: 'powerOfTwo' }
  })
  const { weights, operatorSets } = targetPlatform(withWeightBits(targetPlatform(own), [6, 3]))
  expect(weights).toEqual({ bits: [6, 3], scheme: 'symmetric', perChannel: true })
  expect(operatorSets[0]!.weights).toEqual({ scheme: 'powerOfTwo' })
  expect(operatorSets[1]).toEqual(own.operatorSets[1])
})
