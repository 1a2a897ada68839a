import { testAdapter } from '@mixbit/adapter/testing'
import type { Tensor } from '@mixbit/graph'
import { expect, test } from 'vitest'
import { tfjs } from './adapter.ts'
import {
  convGraph,
  convLayers,
  embeddingLayers,
  ints,
  loopGraph,
  nestedLayers,
  recurrentLayers,
  runtime,
  tensor,
  wordGraph,
} from './tiny-models.ts'

const adapter = tfjs()
const feeds = (name: string, value: Tensor) => new Map([[name, value]])

testAdapter({
  test,
  adapter,
  cases: [
    { name: 'a graph model', source: convGraph(), feeds: feeds('x', tensor([2, 8, 8, 3], 9)) },
    { name: 'a graph model with a conditional', source: wordGraph(), feeds: feeds('ids', ints([0, 7, 19], [1, 3])) },
    { name: 'a graph model with a loop', source: loopGraph(), feeds: feeds('x', tensor([1, 4], 9)) },
    { name: 'a layers model', source: await convLayers(), feeds: feeds('x', tensor([2, 8, 8, 3], 9)) },
    {
      name: 'a recurrent layers model',
      source: await recurrentLayers(),
      feeds: feeds('conv_input', tensor([2, 9, 5], 9)),
    },
    { name: 'a model within a model', source: await nestedLayers(), feeds: feeds('x', tensor([2, 6], 9)) },
    { name: 'an embedding', source: await embeddingLayers(), feeds: feeds('ids', ints([0, 7, 19, 3], [1, 4])) },
  ],
})

test('no tensor is left behind by reading, compiling, running, writing and opening', async () => {
  const tf = await runtime()
  const models = [convGraph(), wordGraph(), loopGraph(), await convLayers(), await recurrentLayers()]
  const inputs = [
    tensor([2, 8, 8, 3], 9),
    ints([0, 7, 19], [1, 3]),
    tensor([1, 4], 9),
    tensor([2, 8, 8, 3], 9),
    tensor([2, 9, 5], 9),
  ]
  for (const [i, files] of models.entries()) {
    const before = tf.memory().numTensors
    const graph = await adapter.read(files)
    const fed = feeds(graph.inputs[0]!, inputs[i]!)
    const sessions = [
      await adapter.compile(graph, graph.outputs),
      await adapter.compile(
        graph,
        graph.nodes.slice(0, 3).map((node) => node.outputs[0]!),
      ),
      await adapter.open!(await adapter.write!(graph)),
    ]
    for (const session of sessions) {
      await session.run(fed)
      await session.run(fed)
      await session.dispose()
    }
    expect(tf.memory().numTensors).toBe(before)
  }
})
