import { type Graph, type Node, type Recurrence, sizeOf, type Tensor, toF32, type ValueId } from '@mixbit/graph'
import type { LayerRows, Place } from './layer-rows.ts'
import type { WeightForm } from './weight-forms.ts'

/** Directions, rows of one direction and columns of a weight [directions, rows, columns] or [columns, rows]. */
function layoutOf({ shape }: Tensor, axis: number): readonly [number, number, number] | null {
  if (shape.length === 3 && axis === 1) return shape as [number, number, number]
  return shape.length === 2 && axis === 1 ? [1, shape[1]!, shape[0]!] : null
}

/**
 * The matrix forms of a recurrent layer's weights: W is multiplied with what comes in, R with the hidden state of the step before,
 * by direction; one position for every step of every sequence. What is seen is laid out as [positions, groups, inputs].
 */
function rowsOf([groups, outputs, inputs]: readonly [number, number, number], rank: number): LayerRows {
  return {
    groups,
    outputs,
    inputs,
    ...(groups > 1 && { sharedScale: true }),
    weightIndex: (group, row, column) =>
      rank === 3 ? (group * outputs + row) * inputs + column : column * outputs + row,
    positions: ([positions]) => positions!,
    gather: (x, { position }: Place, to, at) =>
      to.set(x.subarray(position * groups * inputs, (position + 1) * groups * inputs), at),
    outputIndex: (_shape, group, row, position) => (position * groups + group) * outputs + row,
  }
}

/** The forms of W and R, by index into `inputs`; without R where its states cannot be had. */
export function recurrentForms(graph: Graph, node: Node, recurrence: Recurrence): Map<number, WeightForm> {
  const forms = new Map<number, WeightForm>()
  const sequence = node.inputs[0]
  for (const { input, axis } of node.weights) {
    const tensor = graph.values.get(node.inputs[input] ?? '')?.tensor
    const layout = tensor && layoutOf(tensor, axis)
    if (!tensor || !layout || sequence == null) continue
    const rows = rowsOf(layout, tensor.shape.length)
    const place = (data: Float32Array, positions: number) => ({
      input: { dtype: 'f32' as const, shape: [positions, layout[0] * layout[2]], data },
      output: [positions, layout[0] * layout[1]],
    })
    if (input === recurrence.inputWeight)
      forms.set(input, {
        rows,
        reads: [sequence],
        see: (tensors) => {
          const x = tensors.get(sequence)!
          return place(repeated(toF32(x), layout), sizeOf(x.shape.slice(0, 2)))
        },
      })
    const states = statesOf(node, recurrence)
    if (input !== recurrence.stateWeight || states === null) continue
    const first = recurrence.initialState === null ? null : (node.inputs[recurrence.initialState] ?? null)
    const constant = first === null ? undefined : graph.values.get(first)?.tensor
    forms.set(input, {
      rows,
      reads: [states, ...(first !== null && !constant ? [first] : [])],
      see: (tensors) => {
        const seen = tensors.get(states)!
        const initial = first === null ? null : toF32(constant ?? tensors.get(first)!)
        const steps = seen.shape.slice(0, seen.shape.length === 4 ? 3 : 2)
        return place(previousStates(seen, initial, recurrence), sizeOf(steps) / layout[0])
      },
    })
  }
  return forms
}

/** Every direction reads the same. */
function repeated(x: Float32Array, [groups, , inputs]: readonly [number, number, number]): Float32Array {
  if (groups === 1) return x
  const out = new Float32Array(x.length * groups)
  for (let at = 0; at < x.length; at += inputs)
    for (let group = 0; group < groups; group++) out.set(x.subarray(at, at + inputs), at * groups + group * inputs)
  return out
}

/** The hidden state that each step starts from: [positions, directions, features], positions as in the input. */
function previousStates(
  { shape, data }: Tensor,
  initial: Float32Array | null,
  { timeAxis, directions }: Recurrence,
): Float32Array {
  const states = data as Float32Array
  const size = shape.at(-1)!
  const count = directions.length
  const [times, batch] = timeAxis === 0 ? [shape[0]!, shape.at(-2)!] : [shape[1]!, shape[0]!]
  const at = (t: number, n: number, d: number) =>
    (timeAxis === 0 ? (t * count + d) * batch + n : (n * times + t) * count + d) * size
  const firstAt = (n: number, d: number) => (timeAxis === 0 ? d * batch + n : n * count + d) * size
  const out = new Float32Array(states.length)
  for (let t = 0; t < times; t++)
    for (let n = 0; n < batch; n++)
      for (const [d, direction] of directions.entries()) {
        const before = t - direction
        const position = timeAxis === 0 ? t * batch + n : n * times + t
        const to = (position * count + d) * size
        if (before >= 0 && before < times) out.set(states.subarray(at(before, n, d), at(before, n, d) + size), to)
        else if (initial) out.set(initial.subarray(firstAt(n, d), firstAt(n, d) + size), to)
      }
  return out
}

/** The value of all hidden states, under a name of ours where the graph does not ask for it; null where they cannot be had. */
const statesOf = (node: Node, { states }: Recurrence): ValueId | null =>
  states === null ? null : (node.outputs[states] ?? `${node.id}_hidden_states`)

/** The graph with the hidden states of its recurrent layers, so that they can be looked at; values of the same names. */
export function withStates(graph: Graph): Graph {
  const values = new Map(graph.values)
  const nodes = graph.nodes.map((node) => {
    const { recurrence } = node
    const id = recurrence && statesOf(node, recurrence)
    if (id == null || node.outputs.includes(id)) return node
    const outputs: (ValueId | null)[] = [...node.outputs]
    outputs[recurrence!.states!] = id
    values.set(id, { id, dtype: 'f32' })
    return { ...node, outputs }
  })
  return { ...graph, nodes, values }
}
