import { expect, test } from 'vitest'
import { collapseResidual, parseGraph, rewrite } from '../index.ts'
import { expectSame, weights } from '../testing/same.ts'

const net = (add: string, attrs = '{pads=[1,1,1,1]}', w = [3, 3, 3, 3], outputs = '%y') =>
  parseGraph(
    `graph g(%x: f32[2,3,5,5]) { ${weights({ w, b: [3] })} %c = conv(%x, %w, %b) ${attrs} %y = ${add} return ${outputs} }`,
  )

test.each([
  ['x + conv(x)', net('add(%x, %c)')],
  ['conv(x) + x', net('add(%c, %x)')],
  ['a dilated kernel', net('add(%c, %x)', '{pads=[2,2,2,2], dilations=[2,2]}')],
  ['a 1 x 1 kernel', net('add(%c, %x)', '', [3, 3, 1, 1])],
])('%s becomes one convolution', (_, graph) => {
  const collapsed = rewrite(graph, [collapseResidual])
  expect(collapsed.nodes.map((node) => node.id)).toEqual(['c'])
  expectSame(graph, collapsed)
})

test.each([
  ['the convolution strides', net('add(%x, %c)', '{pads=[1,1,1,1], strides=[2,2]}')],
  ['it is not padded to the same size', net('add(%x, %c)', '')],
  ['its own output is seen', net('add(%x, %c)', '{pads=[1,1,1,1]}', [3, 3, 3, 3], '%y, %c')],
  ['it is added to itself', net('add(%c, %c)')],
])('it stays when %s', (_, graph) => {
  expect(collapseResidual.run(graph)).toBe(graph)
})
