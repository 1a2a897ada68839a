import { expect, test } from 'vitest'
import { type Graph, type MixbitError, parseGraph, verify } from './index.ts'

function faultsOf(graph: Graph | string): readonly string[] {
  try {
    verify(typeof graph === 'string' ? parseGraph(graph) : graph)
    return []
  } catch (error) {
    expect((error as MixbitError).code).toBe('GRAPH_INVALID')
    return (error as MixbitError).context.faults as string[]
  }
}

const body = (text: string) => `graph g(%x: f32[2]) { ${text} }`

test('a sound graph passes', () => {
  expect(
    faultsOf(
      body('%w: f32[2,3] stored=i4@1[1, 2, 3] = constant(splat 1) %y: f32[3] = dense(%x, %w) return %y, %w, %x'),
    ),
  ).toEqual([])
})

test.each([
  ['%y: f32[2] = relu(%gone) return %y', "Value %gone is read by the node 'y', but nothing defines it."],
  ['%y: f32[2] = loop(%x) captures=[%gone] return %y', "Value %gone is read by the node 'y', but nothing defines it."],
  ['%y: ? = relu(%x) return %y', "Value %y has no entry in values, but the node 'y' defines it."],
  [
    '%y: f32[2] = relu(%x) %y: f32[2] = exp(%x) #z return %y',
    "Value %y is defined twice: by the node 'y' and by the node 'z'.",
  ],
  ['%x: f32[2] = constant(1, 2) return %x', 'Value %x is defined twice: by the graph inputs and by its constant.'],
  ['%y: f32[2] = relu(%x) #n %z: f32[2] = exp(%y) #n return %z', "Two nodes have the id 'n'."],
  [
    '%y: f32[2] = relu(%z) %z: f32[2] = exp(%x) return %y',
    "Not in topological order: the node 'y' reads %z, which the node 'z' makes only later.",
  ],
  ['return %y', 'The graph output %y is not produced by anything.'],
  ['%w: f32[2,2] = constant(1, 2, 3) return %w', 'The tensor of %w has 3 data elements; f32[2,2] takes 4.'],
  ['%w: i4[3] = constant(0x1) return %w', 'The tensor of %w has 1 data elements; i4[3] takes 2.'],
  ['%w: f32[2] = constant f32[1](1) return %w', 'The tensor of %w is f32[1], but the value is declared f32[2].'],
  ['%y: f32[2] = conv Conv(%x, %x) weights=[1@0] return %y', "Weight 1@0 of the node 'y', %x, is not a constant."],
  [
    '%y: f32[2] = conv Conv(%x) weights=[1@0] return %y',
    "Weight 1@0 of the node 'y' points at an input that the node does not have.",
  ],
  [
    '%w: i8[2] = constant(1, 2) %y: f32[2] = conv Conv(%x, %w) weights=[1@0] return %y',
    "Weight 1@0 of the node 'y', %w, is i8; it must be f32 or f16.",
  ],
  [
    '%w: f32[2] = constant(1, 2) %y: f32[2] = conv Conv(%x, %w) weights=[1@1] return %y',
    "Weight 1@1 of the node 'y', %w, has no such axis: its shape is [2].",
  ],
  ['%w: f32[2] stored=i17[1] = constant(1, 2) return %w', 'The stored grid of %w has 17 bits; 1 to 16 are possible.'],
  [
    '%w: f32[2] stored=i1{-1, 0, 1}[1] = constant(1, 2) return %w',
    'The stored grid of %w has the levels [-1,0,1]; 1 to 2 ascending integers are possible.',
  ],
  [
    '%w: f32[2] stored=i2{3, 1}[1] = constant(1, 2) return %w',
    'The stored grid of %w has the levels [3,1]; 1 to 4 ascending integers are possible.',
  ],
  [
    '%w: f32[2] stored=i4@0[1] = constant(1, 2) return %w',
    'The stored grid of %w has 1 scales; 2 are needed (axis 0, shape [2]).',
  ],
  [
    '%w: f32[2] stored=i4@1[1] = constant(1, 2) return %w',
    'The stored grid of %w runs along axis 1, but the shape is [2].',
  ],
  [
    '%w: f32[2] stored=i4[1; 1, 2] = constant(1, 2) return %w',
    'The stored grid of %w has 2 zero points, but 1 scales.',
  ],
  [
    '%w: f32[2] stored=i4@0[1, 0] = constant(1, 2) return %w',
    'The stored grid of %w has the scale 0 at index 1; scales are finite and positive.',
  ],
  [
    '%y: f32[2] = fakeQuantize(%x) grid=u8[nan] return %y',
    "The grid of the node 'y' has the scale NaN at index 0; scales are finite and positive.",
  ],
  ['%y: f32[2] = fakeQuantize(%x) return %y', "The fakeQuantize node 'y' has no grid."],
])('%s', (text, fault) => {
  expect(faultsOf(body(text))).toEqual([fault])
})

test('a cycle is told from mere disorder, and shown', () => {
  const faults = faultsOf(body('%a: f32[2] = add(%x, %c) %b: f32[2] = relu(%a) %c: f32[2] = relu(%b) return %c'))
  expect(faults).toHaveLength(2)
  expect(faults[1]).toMatch(/^The nodes form a cycle: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)\.$/)
})

test('data of the wrong array type and entries under a wrong name are faults', () => {
  const graph = parseGraph(body('%w: f32[1] = constant(1) return %w'))
  const wrong = {
    id: 'v',
    dtype: 'f32',
    shape: [1],
    tensor: { dtype: 'f32', shape: [1], data: Int8Array.of(1) },
  } as const
  expect(faultsOf({ ...graph, values: new Map([...graph.values, ['w', wrong]]) })).toEqual([
    'The entry %w of values calls itself %v.',
    'The tensor of %v is f32, but its data is a Int8Array and not a Float32Array.',
  ])
})

test('all faults are listed at once, each with the lines around it', () => {
  const text = body(
    '%w: f32[2] = constant(1) %a: f32[2] = relu(%x) %b: f32[2] = relu(%gone) %c: f32[2] = exp(%b) return %c',
  )
  expect(() => verify(parseGraph(text))).toThrowErrorMatchingInlineSnapshot(`
    [MixbitError: The graph 'g' has 2 faults:

    Value %gone is read by the node 'b', but nothing defines it.
        %w: f32[2] = constant(1)
        %a: f32[2] = activation Relu(%x)
    >   %b: f32[2] = activation Relu(%gone)
        %c: f32[2] = elementwise Exp(%b)
        return %c

    The tensor of %w has 1 data elements; f32[2] takes 2.
      graph g(%x: f32[2]) {
    >   %w: f32[2] = constant(1)
        %a: f32[2] = activation Relu(%x)
        %b: f32[2] = activation Relu(%gone)]
  `)
})
