import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collapse } from './collapse.ts'
import { layoutIn } from './in-worker.ts'
import { type LayoutNode, layoutNetwork, nodeSize } from './layout-network.ts'
import { neighbour } from './neighbour.ts'

/** Residual blocks: conv, relu, add; every add also reads the block before. */
function residual(blocks: number): LayoutNode[] {
  const nodes: LayoutNode[] = []
  for (let b = 0; b < blocks; b++) {
    const before = b === 0 ? [] : [`add${b - 1}`]
    nodes.push({ id: `conv${b}`, inputs: before }, { id: `relu${b}`, inputs: [`conv${b}`] })
    nodes.push({ id: `add${b}`, inputs: [`relu${b}`, ...before] })
  }
  return nodes
}

/** Any network without cycles: every node reads from some of those before it. */
const network = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 24 })
  .map((reads) =>
    reads.map((picks, i): LayoutNode => ({ id: `n${i}`, inputs: i === 0 ? [] : picks.map((pick) => `n${pick % i}`) })),
  )

describe('the layout', () => {
  test('of any network has no two nodes on top of each other, and every line goes down', () => {
    fc.assert(
      fc.property(network, (nodes) => {
        const { nodes: placed, edges } = layoutNetwork(nodes)
        expect(placed.map(({ id }) => id)).toEqual(nodes.map(({ id }) => id))
        for (const [i, a] of placed.entries())
          for (const b of placed.slice(i + 1))
            expect(Math.abs(a.x - b.x) >= nodeSize.width || Math.abs(a.y - b.y) >= nodeSize.height).toBe(true)
        const y = new Map(placed.map((node) => [node.id, node.y]))
        expect(edges.length).toBe(
          new Set(nodes.flatMap(({ id, inputs }) => inputs.map((from) => `${from} ${id}`))).size,
        )
        for (const { from, to } of edges) expect(y.get(from)!).toBeLessThan(y.get(to)!)
      }),
      { numRuns: 40 },
    )
  })

  test('of nothing is empty', () => {
    expect(layoutNetwork([])).toEqual({ nodes: [], edges: [], width: 0, height: 0 })
  })

  test('leaves out inputs that are no nodes', () => {
    expect(layoutNetwork([{ id: 'a', inputs: ['input'] }]).edges).toEqual([])
  })
})

describe('left-out nodes', () => {
  test('pass on what they read', () => {
    const nodes = [
      { id: 'a', inputs: [] },
      { id: 'relu', inputs: ['a'] },
      { id: 'pool', inputs: ['relu'] },
      { id: 'b', inputs: ['pool'] },
    ]
    expect(collapse(nodes, ({ id }) => id.length === 1)).toEqual([
      { id: 'a', inputs: [] },
      { id: 'b', inputs: ['a'] },
    ])
  })

  test('are kept where branches join, so that a deep residual network has few lines', () => {
    const kept = collapse(residual(100), ({ id }) => id.startsWith('conv'))
    expect(kept).toHaveLength(199)
    expect(Math.max(...kept.map(({ inputs }) => inputs.length))).toBe(2)
  })

  test('of any network lose no way from one kept node to another', () => {
    const reaches = (nodes: readonly LayoutNode[]) => {
      const before = new Map<string, Set<string>>()
      for (const { id, inputs } of nodes)
        before.set(id, new Set(inputs.flatMap((from) => [from, ...(before.get(from) ?? [])])))
      return before
    }
    fc.assert(
      fc.property(network, fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }), (nodes, keep) => {
        const kept = collapse(nodes, ({ id }) => keep[Number(id.slice(1))]!)
        const [whole, part] = [reaches(nodes), reaches(kept)]
        const ids = new Set(kept.map(({ id }) => id))
        for (const id of ids) expect(part.get(id)).toEqual(new Set([...whole.get(id)!].filter((from) => ids.has(from))))
      }),
    )
  })
})

describe('arrow keys', () => {
  const placed = layoutNetwork([
    { id: 'top', inputs: [] },
    { id: 'left', inputs: ['top'] },
    { id: 'right', inputs: ['top'] },
    { id: 'end', inputs: ['left', 'right'] },
  ])
  const [west, east] = placed.nodes
    .filter(({ id }) => id === 'left' || id === 'right')
    .sort((a, b) => a.x - b.x)
    .map(({ id }) => id) as [string, string]

  test('go along the lines and along the row, and nowhere at the ends', () => {
    expect(['left', 'right']).toContain(neighbour(placed, 'top', 'down'))
    expect(neighbour(placed, 'end', 'down')).toBe(null)
    expect(neighbour(placed, 'left', 'up')).toBe('top')
    expect(neighbour(placed, west, 'right')).toBe(east)
    expect(neighbour(placed, west, 'left')).toBe(null)
    expect(neighbour(placed, 'nobody', 'up')).toBe(null)
  })
})

describe('a worker', () => {
  /** A worker as the browser has it, with a handler of the test's own. */
  const fake = (post: (data: { id: number; nodes: readonly LayoutNode[] }, self: Worker) => void) => {
    const worker = { postMessage: (data: never) => post(data, worker as unknown as Worker) }
    return worker as unknown as Worker
  }

  test('gives every layout to who asked for it, whatever comes first', async () => {
    const asked: { id: number; nodes: readonly LayoutNode[] }[] = []
    let worker: Worker | null = null
    const layout = layoutIn(() => {
      worker = fake((data) => asked.push(data))
      return worker
    })
    const both = [layout(residual(1)), layout(residual(2))]
    for (const { id, nodes } of asked.reverse())
      worker!.onmessage!({ data: { id, layout: layoutNetwork(nodes) } } as MessageEvent)
    expect((await Promise.all(both)).map(({ nodes }) => nodes.length)).toEqual([3, 6])
  })

  test('that cannot start, or dies, leaves the work to the page', async () => {
    const refused = layoutIn(() => {
      throw new Error('refused by the policy')
    })
    expect(await refused(residual(2))).toEqual(layoutNetwork(residual(2)))
    const dying = layoutIn(() => fake((_, self) => setTimeout(() => self.onerror!({} as ErrorEvent))))
    expect(await dying(residual(2))).toEqual(layoutNetwork(residual(2)))
  })
})
