import { cut, f32, type Graph, MixbitError, replaceValues, type Tensor, type Tensors } from '@mixbit/graph'
import { describe, expect, test } from 'vitest'
import type { Adapter, Session } from './adapter.ts'
import { testAdapter } from './testing.ts'
import { type ToyArtifact, toyAdapter } from './toy-adapter.ts'

const wave = (length: number, step: number) =>
  Array.from({ length }, (_, i) => Math.sin(i * step + 1).toFixed(3)).join(', ')
const source = `graph toy(%x: f32[N,16]) {
  %w1: f32[16,48] = constant(${wave(768, 1.7)})
  %b1: f32[48] = constant(${wave(48, 0.3)})
  %w2: f32[48,16] = constant(${wave(768, 2.3)})
  %h: f32[N,48] = dense(%x, %w1, %b1)
  %r: f32[N,48] = relu(%h)
  %d: f32[N,16] = dense(%r, %w2)
  %y: f32[N,16] = add(%d, %x)
  return %y, %r
}`
const feeds: Tensors = new Map([
  [
    'x',
    f32(
      Float32Array.from({ length: 32 }, (_, i) => Math.cos(i)),
      [2, 16],
    ),
  ],
])
const cases = [{ name: 'residual', source, feeds }]

describe('an adapter that keeps the contract passes', () => {
  testAdapter({ test, adapter: toyAdapter, cases })
})

describe('an adapter that only analyses passes too', () => {
  const { name, capabilities, read, compile } = toyAdapter
  testAdapter({ test, adapter: { name, capabilities, read, compile }, cases })
})

type Toy = Adapter<string, ToyArtifact>

/** Runs the suite without a test runner; gives what failed. */
async function failures(broken: Partial<Toy>): Promise<{ name: string; error: unknown }[]> {
  const registered: { name: string; run: () => Promise<void> }[] = []
  testAdapter({ test: (name, run) => registered.push({ name, run }), adapter: { ...toyAdapter, ...broken }, cases })
  const failed: { name: string; error: unknown }[] = []
  for (const { name, run } of registered) await run().catch((error: unknown) => failed.push({ name, error }))
  return failed
}

/** The toy adapter with its sessions altered. */
const sessions = (
  change: (session: Session, graph: Graph, outputs: readonly string[]) => Partial<Session>,
): Partial<Toy> => ({
  compile: async (graph, outputs) => {
    const session = await toyAdapter.compile(graph, outputs)
    return { ...session, ...change(session, graph, outputs) }
  },
})

const noisy = (tensors: Tensors, by: number): Tensors =>
  new Map([...tensors].map(([id, t]) => [id, { ...t, data: (t.data as Float32Array).map((v) => v + by) }]))

/** Gradients by finite differences, one element after the other, multiplied by a factor. */
const gradients =
  (factor: number): NonNullable<Toy['gradients']> =>
  async (graph, seeded, values) => ({
    async run(feeds) {
      const runs = async (part: Graph, outputs: readonly string[], known: Tensors) =>
        (await toyAdapter.compile(part, outputs)).run(new Map(part.inputs.map((id) => [id, known.get(id)!])))
      const found = new Map<string, Tensor>()
      for (const value of values) {
        const { suffix } = cut(graph, [value])
        const known = new Map([
          ...feeds,
          ...(await runs(graph, [value, ...suffix.inputs.filter((id) => !feeds.has(id))], feeds)),
        ])
        const at = known.get(value)!
        const data = Float32Array.from(at.data as Float32Array)
        const sum = async (i: number, step: number) => {
          const moved = data.with(i, data[i]! + step)
          const outputs = await runs(suffix, suffix.outputs, new Map([...known, [value, { ...at, data: moved }]]))
          let total = 0
          for (const { value: end, seed } of seeded) {
            const seeds = feeds.get(seed)!.data as Float32Array
            const ys = outputs.get(end)?.data as Float32Array | undefined
            for (const [k, y] of ys?.entries() ?? []) total += y * seeds[k]!
          }
          return total
        }
        const slopes = new Float32Array(data.length)
        for (const i of data.keys()) slopes[i] = (factor * ((await sum(i, 1e-2)) - (await sum(i, -1e-2)))) / 2e-2
        found.set(value, { ...at, data: slopes })
      }
      return found
    },
    dispose: async () => {},
  })

let runs = 0
const broken: Record<string, [Partial<Toy>, RegExp, RegExp]> = {
  'reads a weight that is no constant': [
    {
      read: async (text) => {
        const g = await toyAdapter.read(text)
        return { ...g, nodes: g.nodes.map((n) => (n.op === 'Relu' ? { ...n, weights: [{ input: 0, axis: 0 }] } : n)) }
      },
    },
    /verified graph/,
    /not a constant/,
  ],
  'has weights of a kind that it does not list': [
    { capabilities: { ...toyAdapter.capabilities, weights: new Set(['conv']) } },
    /capabilities list/,
    /kind dense/,
  ],
  'returns another shape than it declared': [
    sessions((s) => ({
      run: async (f) => new Map([...(await s.run(f))].map(([id, t]) => [id, { ...t, shape: [t.data.length] }])),
    })),
    /declared dtype and shape/,
    /has shape \[32\], but the graph declares \[N,16\]/,
  ],
  'gives gradients that are a tenth too large': [
    { gradients: gradients(1.1) },
    /gradients are what finite differences say/,
    /finite differences say/,
  ],
  'is not deterministic': [
    sessions((s) => ({ run: async (f) => noisy(await s.run(f), 1e-6 * runs++) })),
    /same bits/,
    /Two runs of one session: %y differs at element/,
  ],
  'hands out its own buffers': [
    sessions((s) => {
      let kept: Tensors | undefined
      return {
        run: async (f) => {
          const fresh = await s.run(f)
          if (kept)
            for (const [id, t] of fresh)
              (kept.get(id)!.data as Float32Array).set((t.data as Float32Array).map((v) => v + 1))
          kept ??= fresh
          return kept
        },
      }
    }),
    /same bits/,
    /A second run changed/,
  ],
  'returns declared graph outputs only': [
    sessions((s, g) => ({ run: async (f) => new Map([...(await s.run(f))].filter(([id]) => g.outputs.includes(id))) })),
    /intermediate values/,
    /did not return the output %h/,
  ],
  'computes a suffix from stale inputs': [
    sessions((s, g) => ({
      run: async (f) => (g.inputs.includes('x') && g.nodes.length === 4 ? s.run(f) : noisy(await s.run(f), 0.1)),
    })),
    /prefix of a cut/,
    /Cut before 'h'|Cut before 'r'/,
  ],
  'ignores weights that are fed': [
    sessions((s, g) => ({
      run: async (f) =>
        s.run(g.inputs.length > 1 && f.has('w1') ? new Map([...f, ['w1', f32(new Float32Array(768), [16, 48])]]) : f),
    })),
    /weight fed as a graph input/,
    /With %w1 as an input: %y agrees to/,
  ],
  'runs after dispose': [sessions(() => ({ dispose: async () => {} })), /disposed of twice/, /ran after dispose/],
  'throws when disposed of twice': [
    sessions(() => {
      let gone = false
      return {
        dispose: async () => {
          if (gone) throw new Error('double free')
          gone = true
        },
      }
    }),
    /disposed of twice/,
    /double free/,
  ],
  'writes a little differently': [
    {
      open: async (a) => {
        const s = await toyAdapter.open!(a)
        return { ...s, run: async (f) => noisy(await s.run(f), 1e-6) }
      },
    },
    /opens and computes the same bits/,
    /After write and open: %y differs/,
  ],
  'loses the scales of stored weights': [
    {
      write: (g) =>
        toyAdapter.write!(
          replaceValues(
            g,
            new Map(
              [...g.values]
                .filter(([, v]) => v.stored)
                .map(([id, v]) => [id, { ...v, stored: { ...v.stored!, scale: v.stored!.scale.map(() => 0.001) } }]),
            ),
          ),
        ),
    },
    /survive write and open/,
    /agrees to .* dB only; at least 30 dB/,
  ],
  'stores everything as float': [
    {
      write: (g) =>
        toyAdapter.write!(replaceValues(g, new Map([...g.values].map(([id, { stored: _, ...v }]) => [id, v])))),
    },
    /artifact is smaller/,
    /The artifact with weights on a grid has \d+ bytes/,
  ],
  'lets a TypeError out on garbage': [
    { read: async (text) => toyAdapter.read(text.trim()) },
    /garbage/,
    /TypeError.*is no MixbitError/,
  ],
  'accepts garbage': [
    { read: async (text) => toyAdapter.read(typeof text === 'string' && text.startsWith('graph') ? text : source) },
    /garbage/,
    /accepted garbage/,
  ],
  'changes the graph it read': [
    {
      compile: async (g, o) => {
        ;(g.nodes[0]!.attrs as Record<string, number>).seen = 1
        return toyAdapter.compile(g, o)
      },
    },
    /declared dtype/,
    /was changed by a later call/,
  ],
}

describe('the suite catches an adapter that', () => {
  test.each(Object.entries(broken))('%s', async (_, [parts, test, message]) => {
    const failed = await failures(parts)
    const hit = failed.find(({ name, error }) => test.test(name) && message.test(String(error)))
    expect(hit, `caught only: ${failed.map(({ name, error }) => `${name}: ${error}`).join('\n')}`).toBeDefined()
  })

  test('right gradients pass', async () => {
    expect(await failures({ gradients: gradients(1) })).toEqual([])
  })

  test('nothing is caught where nothing is broken', async () => {
    expect(await failures({})).toEqual([])
  })
})

test('no cases is a failure and not a silent success', async () => {
  const registered: (() => Promise<void>)[] = []
  testAdapter({ test: (_, run) => registered.push(run), adapter: toyAdapter, cases: [] })
  await expect(registered[0]!()).rejects.toBeInstanceOf(MixbitError)
})
