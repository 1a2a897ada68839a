import { expect, test } from 'vitest'
import { collapseLinear, parseGraph, rewrite } from '../index.ts'
import { expectSame, weights } from '../testing/same.ts'

const net = (
  first = '{pads=[1,1,1,1]}',
  second = '',
  shapes: Record<string, number[]> = {},
  between = '%m = Identity(%a)',
) =>
  parseGraph(`graph g(%x: f32[2,3,6,6]) { ${weights({ v: [6, 3, 3, 3], b: [6], w: [4, 6, 1, 1], c: [4], ...shapes })}
    %a = conv(%x, %v, %b) ${first}  ${between === '' ? '' : between}
    %y = conv(${between === '' ? '%a' : '%m'}, %w, %c) ${second}
    return %y }`)

test.each([
  ['with padding', net('{pads=[1,1,1,1]}', '', {}, '')],
  ['without', net('', '{strides=[1,1], pads=[0,0,0,0]}', {}, '')],
])('two convolutions become one, %s', (_, graph) => {
  const collapsed = rewrite(graph, [collapseLinear])
  expect(collapsed.nodes.map((node) => node.id)).toEqual(['a'])
  expectSame(graph, collapsed)
})

test('without biases none is made; with one on either side it is carried over', () => {
  for (const [b, c] of [
    ['null', 'null'],
    ['%b', 'null'],
    ['null', '%c'],
  ]) {
    const graph =
      parseGraph(`graph g(%x: f32[1,2,4,4]) { ${weights({ v: [3, 2, 3, 3], b: [3], w: [2, 3, 1, 1], c: [2] })}
      %a = conv Conv(%x, %v, ${b}) macs=216  %y = conv(%a, %w, ${c})  return %y }`)
    const collapsed = rewrite(graph, [collapseLinear])
    expect(collapsed.nodes[0]!.inputs).toHaveLength(b === c ? 2 : 3)
    expect(collapsed.nodes[0]!.macs).toBe(144)
    expectSame(graph, collapsed)
  }
})

test.each([
  ['something lies between', net()],
  ['the second pads', net('', '{pads=[1,1,1,1]}', {}, '')],
  ['the first strides', net('{strides=[2,2]}', '', {}, '')],
  ['the first dilates', net('{dilations=[2,2]}', '', {}, '')],
  ['the product would be larger', net('', '', { w: [40, 6, 1, 1], c: [40] }, '')],
])('they stay two when %s', (_, graph) => {
  expect(collapseLinear.run(graph)).toBe(graph)
})
