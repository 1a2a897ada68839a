import { cut, type Graph, MixbitError, replaceValues, type Tensors, toF32, verify } from '@mixbit/graph'
import type { Adapter } from './adapter.ts'
import { check, checkClose, checkDeclared, checkIdentical, outputOf } from './conformance/compare.ts'
import { checkGradients } from './conformance/gradients.ts'
import { asInput, fakeQuantized, fingerprint, halved, spread, weightsOf } from './conformance/graphs.ts'
import { only, runOnce } from './conformance/run.ts'
import { withSession } from './with-session.ts'

/** One model to test an adapter with. */
export interface ConformanceCase<Source> {
  readonly name: string
  readonly source: Source
  /** One tensor for every graph input, by value id. */
  readonly feeds: Tensors
}

export interface ConformanceOptions<Source, Artifact> {
  /** Registers a test: `test` of vitest, node:test, Jest ... Called synchronously, once per check. */
  readonly test: (name: string, run: () => Promise<void>) => unknown
  readonly adapter: Adapter<Source, Artifact>
  /** At least one. Small models do; with 1024 quantizable weights or more, the size of the artifact is compared too. */
  readonly cases: readonly ConformanceCase<Source>[]
  /** What `read` must refuse. Default: no bytes, random bytes, a text that is no model, and an empty object. */
  readonly garbage?: readonly unknown[]
}

/**
 * The conformance suite of the adapter contract. Registers one test per check and case; a check fails by throwing a
 * MixbitError `ADAPTER_CONFORMANCE` (or what the adapter threw).
 *
 *     import { test } from 'vitest'
 *     testAdapter({ test, adapter: mine(), cases: [{ name: 'dense', source, feeds }] })
 */
export function testAdapter<Source, Artifact>(options: ConformanceOptions<Source, Artifact>): void {
  const { test, adapter, cases, garbage = defaultGarbage } = options
  const unknown = adapter as unknown as Adapter<unknown, unknown>
  test(`${adapter.name}: there is something to test with`, async () => {
    check(cases.length > 0, 'testAdapter was given no cases.')
  })
  for (const one of cases)
    for (const [name, run] of Object.entries(checks))
      test(`${adapter.name}, ${one.name}: ${name}`, async () => {
        const graph = await adapter.read(one.source)
        const before = fingerprint(graph)
        await run(unknown, graph, one.feeds)
        check(fingerprint(graph) === before, 'The graph that read gave was changed by a later call.')
      })
  garbage.forEach((source, index) => {
    test(`${adapter.name}: garbage is refused with a MixbitError (${index + 1})`, () => refuses(unknown, source))
  })
}

const defaultGarbage: readonly unknown[] = [
  new Uint8Array(0),
  Uint8Array.from({ length: 64 }, (_, i) => (i * 167 + 91) % 256),
  'this is no model',
  {},
]

async function refuses(adapter: Adapter, source: unknown): Promise<void> {
  const error = await adapter.read(source).then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  )
  check(error, 'read accepted garbage.')
  check(error.thrown instanceof MixbitError, `read refused garbage with ${error.thrown}, which is no MixbitError.`)
}

type Check = (adapter: Adapter, graph: Graph, feeds: Tensors) => Promise<void>

/** How well float computations in another order must agree. */
const floatAgreement = 60

const checks: Readonly<Record<string, Check>> = {
  'read gives a verified graph whose inputs the case feeds': async (_, graph, feeds) => {
    verify(graph)
    for (const id of graph.inputs) check(feeds.has(id), `The case feeds nothing to the graph input %${id}.`)
  },

  'quantizable weights are constants of a kind that the capabilities list': async (adapter, graph) => {
    const { weights, weightBits } = adapter.capabilities
    for (const node of graph.nodes)
      for (const { input, axis } of node.weights) {
        const tensor = graph.values.get(node.inputs[input] ?? '')?.tensor
        check(tensor, `Weight ${input} of the node '${node.id}' is no constant.`)
        check(
          axis in tensor.shape,
          `Weight ${input} of the node '${node.id}' has no axis ${axis}: its shape is [${tensor.shape}].`,
        )
        check(
          weights.has(node.kind),
          `The node '${node.id}' of kind ${node.kind} has weights, but the capabilities list only ${[...weights].join(', ')}.`,
        )
      }
    check(
      weightBits.every((bits) => Number.isInteger(bits) && bits >= 1 && bits <= 16),
      `capabilities.weightBits has widths outside 1 to 16: ${weightBits}.`,
    )
  },

  'outputs have the declared dtype and shape': async (adapter, graph, feeds) => {
    const outputs = await runOnce(adapter, graph, feeds)
    for (const id of graph.outputs) checkDeclared(graph.values.get(id)!, outputOf(outputs, id))
  },

  'two runs and two sessions give the same bits': async (adapter, graph, feeds) => {
    const [first, again] = await withSession(adapter, graph, graph.outputs, async (session) => {
      const one = await session.run(feeds)
      const kept = new Map([...one].map(([id, tensor]) => [id, { ...tensor, data: tensor.data.slice() }]))
      const two = await session.run(feeds)
      checkIdentical(one, kept, graph.outputs, 'A second run changed what the first one returned')
      return [one, two] as const
    })
    checkIdentical(first, again, graph.outputs, 'Two runs of one session')
    checkIdentical(first, await runOnce(adapter, graph, feeds), graph.outputs, 'Two sessions')
  },

  'intermediate values can be fetched': async (adapter, graph, feeds) => {
    const made = graph.nodes.flatMap((node) => node.outputs.slice(0, 1)).filter((id) => id !== null)
    const some = spread(
      made.filter((id) => graph.values.get(id)?.dtype === 'f32'),
      8,
    )
    const outputs = await runOnce(adapter, graph, feeds, [...new Set([...some, ...graph.outputs])])
    for (const id of some) checkDeclared(graph.values.get(id)!, outputOf(outputs, id))
    checkClose(
      await runOnce(adapter, graph, feeds),
      outputs,
      graph.outputs,
      floatAgreement,
      'With intermediate outputs',
    )
    for (const id of some) {
      const alone = await runOnce(adapter, graph, feeds, [id])
      checkClose(outputs, alone, [id], floatAgreement, 'Fetched alone and together')
    }
  },

  'the prefix of a cut, then the suffix, gives what the whole gives': async (adapter, graph, feeds) => {
    const whole = await runOnce(adapter, graph, feeds)
    for (const node of spread(graph.nodes, 6)) {
      const { prefix, suffix } = cut(graph, { before: node.id })
      const first = prefix.outputs.length > 0 ? await runOnce(adapter, prefix, only(prefix, feeds)) : new Map()
      const known: Tensors = new Map([...feeds, ...first])
      const second = suffix.outputs.length > 0 ? await runOnce(adapter, suffix, only(suffix, known)) : new Map()
      checkClose(whole, new Map([...first, ...second]), graph.outputs, floatAgreement, `Cut before '${node.id}'`)
    }
  },

  'a weight fed as a graph input gives what the constant gives': async (adapter, graph, feeds) => {
    // Other numbers too: a runtime that kept the constant would give the right answer for the wrong reason.
    for (const { id, tensor } of spread(weightsOf(graph), 6))
      for (const fed of [tensor, halved(tensor)]) {
        const constant = replaceValues(graph, new Map([[id, { ...graph.values.get(id)!, tensor: fed }]]))
        const whole = await runOnce(adapter, constant, feeds)
        const outputs = await runOnce(adapter, asInput(graph, id), new Map([...feeds, [id, fed]]))
        checkClose(whole, outputs, graph.outputs, floatAgreement, `With %${id} as an input`)
      }
  },

  'squared errors against a reference are those of the values': async (adapter, graph, feeds) => {
    if (!adapter.squaredErrors) return
    const values = graph.outputs.filter((id) => graph.values.get(id)?.dtype === 'f32')
    const pairs = values.map((value) => ({ value, reference: `${value} reference` }))
    const outputs = await runOnce(adapter, graph, feeds)
    // Halves as references: the error is that of the other half.
    const references = values.map((id) => halved(outputOf(outputs, id)))
    const known = new Map([...feeds, ...pairs.map(({ reference }, i) => [reference, references[i]!] as const)])
    const extended = adapter.squaredErrors(graph, pairs, 'squared errors')
    const errors = toF32(outputOf(await runOnce(adapter, extended, known, ['squared errors']), 'squared errors'))
    check(errors.length === pairs.length, `squaredErrors gave ${errors.length} numbers for ${pairs.length} pairs.`)
    for (const [i, { value }] of pairs.entries()) {
      const expected = toF32(outputOf(outputs, value)).reduce(
        (sum, x, k) => sum + (x - toF32(references[i]!)[k]!) ** 2,
        0,
      )
      const actual = errors[i]!
      check(
        Math.abs(actual - expected) <= 1e-4 * expected + 1e-12,
        `The squared error of %${value} is ${expected}, and squaredErrors gave ${actual}.`,
      )
    }
  },

  'gradients are what finite differences say': checkGradients,

  'a session can be disposed of twice, and does not run afterwards': async (adapter, graph, feeds) => {
    const session = await adapter.compile(graph, graph.outputs)
    await session.run(feeds)
    await session.dispose()
    await session.dispose()
    const ran = await Promise.resolve()
      .then(() => session.run(feeds))
      .then(
        () => true,
        () => false,
      )
    check(!ran, 'A session ran after dispose.')
  },

  'what write gives opens and computes the same bits': async (adapter, graph, feeds) => {
    const opened = await throughFile(adapter, graph, feeds)
    if (opened) checkIdentical(await runOnce(adapter, graph, feeds), opened, graph.outputs, 'After write and open')
  },

  'weights on a grid survive write and open, and the artifact is smaller': async (adapter, graph, feeds) => {
    const { weightBits } = adapter.capabilities
    const weights = weightsOf(graph)
    if (!adapter.write || weightBits.length === 0 || weights.length === 0) return
    const quantized = fakeQuantized(graph, weightBits.includes(8) ? 8 : Math.max(...weightBits))
    verify(quantized)
    const before = fingerprint(quantized)
    const opened = await throughFile(adapter, quantized, feeds)
    if (opened)
      checkClose(
        await runOnce(adapter, quantized, feeds),
        opened,
        graph.outputs,
        30,
        'Quantized, after write and open',
        true,
      )
    check(fingerprint(quantized) === before, 'write changed the graph it was given.')
    const elements = weights.reduce((sum, { tensor }) => sum + tensor.data.length, 0)
    if (!adapter.byteLength || elements < 1024) return
    const [plain, small] = [
      adapter.byteLength(await adapter.write(graph)),
      adapter.byteLength(await adapter.write(quantized)),
    ]
    check(small < plain, `The artifact with weights on a grid has ${small} bytes, the one without ${plain}.`)
  },

  'weights on a grid with levels survive write and open': async (adapter, graph, feeds) => {
    const { weightLevels, weightBits } = adapter.capabilities
    if (!adapter.write || !weightLevels || weightsOf(graph).length === 0) return
    for (const bits of weightBits.filter((width) => width <= 4)) {
      const levels = Int8Array.from({ length: 2 ** bits }, (_, i) => 2 * i - 2 ** bits + 1)
      const quantized = fakeQuantized(graph, bits, levels)
      verify(quantized)
      const opened = await throughFile(adapter, quantized, feeds)
      const simulated = await runOnce(adapter, quantized, feeds)
      if (opened)
        checkClose(simulated, opened, graph.outputs, 30, `With levels of ${bits} bits, after write and open`, true)
    }
  },
}

/** Outputs of the written and opened graph; undefined for adapters that do not write or open. */
async function throughFile(adapter: Adapter, graph: Graph, feeds: Tensors): Promise<Tensors | undefined> {
  const artifact = await adapter.write?.(graph)
  const session = artifact === undefined ? undefined : await adapter.open?.(artifact)
  if (!session) return undefined
  try {
    return await session.run(feeds)
  } finally {
    await session.dispose()
  }
}
