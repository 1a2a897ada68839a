import { cut, type Graph, type Tensor, type Tensors, toF32 } from '@mixbit/graph'
import type { Adapter } from '../adapter.ts'
import { check, outputOf } from './compare.ts'
import { spread } from './graphs.ts'
import { only, runOnce } from './run.ts'

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

/** Numbers between -1 and 1 in the shape of a tensor. */
const waves = ({ shape }: Tensor): Tensor => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1 + 1.7 * i))
  return { dtype: 'f32', shape, data }
}

/** Compares the gradients of an adapter that gives some with differences along one direction. */
export async function checkGradients(adapter: Adapter, graph: Graph, feeds: Tensors): Promise<void> {
  if (!adapter.gradients) return
  const isFloat = (id: string | null): id is string => graph.values.get(id ?? '')?.dtype === 'f32'
  const ends = graph.outputs.filter((id) => isFloat(id) && graph.nodes.some(({ outputs }) => outputs.includes(id)))
  const made = graph.nodes.flatMap(({ outputs }) => outputs.filter((id) => isFloat(id) && !ends.includes(id)))
  const values = spread(made, 6).filter((id) => id !== null)
  const floats = await runOnce(adapter, graph, feeds, [...new Set([...ends, ...values])])
  // Not all ones: what comes out of a softmax always has the same sum.
  const seeds = new Map(ends.map((id) => [id, waves(outputOf(floats, id))]))
  const of = ends.map((value) => ({ value, seed: `${value} seed` }))
  const session = await adapter.gradients(graph, of, values, feeds)
  const known = new Map([...feeds, ...of.map(({ value, seed }) => [seed, seeds.get(value)!] as const)])
  const gradients = await session.run(known)
  await session.dispose()
  for (const [id, gradient] of gradients) {
    const value = outputOf(floats, id)
    check(
      `${gradient.shape}` === `${value.shape}`,
      `The gradient by %${id} is [${gradient.shape}], not [${value.shape}].`,
    )
    const { suffix } = cut(graph, [id])
    const crossing = suffix.inputs.filter((input) => input !== id && !graph.inputs.includes(input))
    const rest = crossing.length > 0 ? await runOnce(adapter, graph, feeds, crossing) : new Map()
    const [at, along, by] = [toF32(value), toF32(waves(value)), toF32(gradient)]
    const step = 1e-3 * (Math.sqrt(dot(at, at) / at.length) || 1)
    const sum = async (sign: number) => {
      const moved = { ...value, data: at.map((x, i) => x + sign * step * along[i]!) }
      const outputs = await runOnce(adapter, suffix, only(suffix, new Map([...feeds, ...rest, [id, moved]])))
      return suffix.outputs
        .filter((end) => seeds.has(end))
        .reduce((total, end) => total + dot(toF32(outputOf(outputs, end)), toF32(seeds.get(end)!)), 0)
    }
    const difference = ((await sum(1)) - (await sum(-1))) / (2 * step)
    const found = dot(by, along)
    // Kinks lie between the two points, and float32 has few digits for their difference.
    const tolerance = 0.05 * Math.sqrt(dot(by, by) * dot(along, along)) + 1e-4 / step
    check(
      Math.abs(found - difference) <= tolerance,
      `Along a direction the gradient by %${id} is ${found}, and finite differences say ${difference}.`,
    )
  }
}
