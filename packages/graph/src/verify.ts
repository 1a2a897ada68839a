import { MixbitError } from './error.ts'
import type { Graph, Grid, Node, Value, ValueId } from './graph.ts'
import { printLines } from './print.ts'
import { makesOf, readsOf } from './query.ts'
import { bitsOf, type DType, sizeOf, type Tensor } from './tensor.ts'

interface Fault {
  readonly problem: string
  /** What to show: the index of a node, or the id of a constant. Neither: the head of the graph. */
  readonly node?: number
  readonly value?: ValueId
}

/**
 * Checks what the types cannot say: every value is defined once, before it is read; tensors have the size and dtype they
 * claim; quantizable weights are constants with an axis they have; grids fit what they belong to.
 * @throws MixbitError `GRAPH_INVALID` that lists all faults and shows the printed lines around them. `context.faults` holds
 * the bare sentences.
 */
export function verify(graph: Graph): void {
  const faults = [
    ...definitions(graph),
    ...order(graph),
    ...graph.nodes.flatMap(nodeFaults(graph)),
    ...valueFaults(graph),
  ]
  if (faults.length === 0) return
  const problems = faults.map((fault) => fault.problem)
  const shown = faults.slice(0, 8).map((fault) => `${fault.problem}\n${excerpt(graph, fault)}`)
  const rest = problems.slice(8)
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`
  throw new MixbitError(
    'GRAPH_INVALID',
    `The graph '${graph.name}' has ${count}:\n\n${[...shown, ...rest].join('\n\n')}`,
    {
      hint: 'Repair what built this graph: an adapter’s read, or the pass that ran last.',
      context: { graph: graph.name, faults: problems },
    },
  )
}

/** The line of the fault with two lines on either side. */
function excerpt(graph: Graph, fault: Fault): string {
  const lines = printLines(graph, { maxElements: 8 })
  const found = lines.findIndex((line) =>
    fault.node === undefined ? fault.value !== undefined && line.value === fault.value : line.node === fault.node,
  )
  const middle = Math.max(found, 0)
  const first = Math.max(middle - 2, 0)
  return lines
    .slice(first, middle + 3)
    .map(
      ({ text }, i) => `${first + i === middle ? '>' : ' '} ${text.length > 200 ? `${text.slice(0, 200)} ...` : text}`,
    )
    .join('\n')
}

const byNode = (node: Node) => `the node '${node.id}'`

function definitions(graph: Graph): Fault[] {
  const faults: Fault[] = []
  const definedBy = new Map<ValueId, string>()
  const define = (id: ValueId, by: string, where: Omit<Fault, 'problem'>) => {
    const other = definedBy.get(id)
    if (other) faults.push({ problem: `Value %${id} is defined twice: by ${other} and by ${by}.`, ...where })
    else definedBy.set(id, by)
    if (!graph.values.has(id))
      faults.push({ problem: `Value %${id} has no entry in values, but ${by} defines it.`, ...where })
  }
  for (const id of graph.inputs) define(id, 'the graph inputs', {})
  for (const [id, value] of graph.values) if (value.tensor) define(id, 'its constant', { value: id })
  graph.nodes.forEach((node, index) => {
    for (const id of makesOf(node)) define(id, byNode(node), { node: index })
  })
  const ids = new Set<string>()
  graph.nodes.forEach((node, index) => {
    if (ids.has(node.id)) faults.push({ problem: `Two nodes have the id '${node.id}'.`, node: index })
    ids.add(node.id)
  })
  for (const id of graph.outputs)
    if (!definedBy.has(id)) faults.push({ problem: `The graph output %${id} is not produced by anything.` })
  return faults
}

function order(graph: Graph): Fault[] {
  const defined = new Set([...graph.inputs, ...[...graph.values.values()].filter((v) => v.tensor).map((v) => v.id)])
  const later = new Map(graph.nodes.flatMap((node) => makesOf(node).map((id): [ValueId, Node] => [id, node])))
  const faults: Fault[] = []
  graph.nodes.forEach((node, index) => {
    for (const id of new Set(readsOf(node))) {
      const maker = later.get(id)
      if (defined.has(id)) continue
      if (!maker)
        faults.push({ problem: `Value %${id} is read by ${byNode(node)}, but nothing defines it.`, node: index })
      else
        faults.push({
          problem: `Not in topological order: ${byNode(node)} reads %${id}, which ${byNode(maker)} makes only later.`,
          node: index,
        })
    }
    for (const id of makesOf(node)) defined.add(id)
  })
  return faults.some((fault) => fault.problem.startsWith('Not in')) ? [...faults, ...cycle(graph, later)] : faults
}

/** A cycle, if there is one: peel off nodes whose reads are all settled; what stays and is walked backwards must repeat. */
function cycle(graph: Graph, madeBy: ReadonlyMap<ValueId, Node>): Fault[] {
  const stuck = new Set(graph.nodes)
  const waitsFor = (node: Node) =>
    readsOf(node)
      .map((id) => madeBy.get(id))
      .find((maker) => maker && stuck.has(maker))
  for (let before = -1; before !== stuck.size; ) {
    before = stuck.size
    for (const node of stuck) if (!waitsFor(node)) stuck.delete(node)
  }
  const path: Node[] = []
  let node = [...stuck][0]
  while (node && !path.includes(node)) {
    path.push(node)
    node = waitsFor(node)
  }
  if (!node) return []
  const ring = [...path.slice(path.indexOf(node)), node].reverse()
  return [
    { problem: `The nodes form a cycle: ${ring.map((n) => n.id).join(' -> ')}.`, node: graph.nodes.indexOf(node) },
  ]
}

const nodeFaults =
  (graph: Graph) =>
  (node: Node, index: number): Fault[] => {
    const weights = node.weights.map((weight) => {
      const id = node.inputs[weight.input]
      const what = `Weight ${weight.input}@${weight.axis} of ${byNode(node)}`
      if (id === undefined || id === null) return `${what} points at an input that the node does not have.`
      const tensor = graph.values.get(id)?.tensor
      if (!tensor) return `${what}, %${id}, is not a constant.`
      if (tensor.dtype !== 'f32' && tensor.dtype !== 'f16')
        return `${what}, %${id}, is ${tensor.dtype}; it must be f32 or f16.`
      return isAxis(weight.axis, tensor.shape.length)
        ? undefined
        : `${what}, %${id}, has no such axis: its shape is [${tensor.shape}].`
    })
    const quantized = graph.values.get(node.inputs[0] ?? '')?.shape
    const grid = node.grid ? gridFaults(node.grid, `The grid of ${byNode(node)}`, quantized) : []
    const missing =
      node.kind === 'fakeQuantize' && !node.grid ? [`The fakeQuantize node '${node.id}' has no grid.`] : []
    return [...weights, ...grid, ...missing]
      .filter((problem) => problem !== undefined)
      .map((problem) => ({ problem, node: index }))
  }

function valueFaults(graph: Graph): Fault[] {
  return [...graph.values].flatMap(([key, value]) => {
    const problems = [
      key === value.id ? undefined : `The entry %${key} of values calls itself %${value.id}.`,
      ...(value.tensor ? tensorFaults(value, value.tensor) : []),
      ...(value.stored
        ? gridFaults(value.stored, `The stored grid of %${value.id}`, value.tensor?.shape ?? value.shape)
        : []),
    ]
    return problems.filter((problem) => problem !== undefined).map((problem) => ({ problem, value: key }))
  })
}

function tensorFaults(value: Value, tensor: Tensor): string[] {
  const faults: string[] = []
  const { dtype, shape, data } = tensor
  const expected = dtype === 'string' ? sizeOf(shape) : Math.ceil((sizeOf(shape) * Math.min(bitsOf(dtype), 8)) / 8)
  const what = `The tensor of %${value.id}`
  if (data.length !== expected)
    faults.push(`${what} has ${data.length} data elements; ${dtype}[${shape}] takes ${expected}.`)
  const array = Object.prototype.toString.call(data).slice(8, -1)
  if (array !== arrayOf[dtype])
    faults.push(`${what} is ${dtype}, but its data is a ${array} and not a ${arrayOf[dtype]}.`)
  const same =
    value.shape === undefined ||
    (value.shape.length === shape.length && value.shape.every((dim, i) => typeof dim === 'string' || dim === shape[i]))
  if (dtype !== value.dtype || !same)
    faults.push(`${what} is ${dtype}[${shape}], but the value is declared ${value.dtype}[${value.shape}].`)
  return faults
}

const arrayOf: Readonly<Record<DType, string>> = {
  f32: 'Float32Array',
  f64: 'Float64Array',
  f16: 'Uint16Array',
  bf16: 'Uint16Array',
  i8: 'Int8Array',
  u8: 'Uint8Array',
  i16: 'Int16Array',
  u16: 'Uint16Array',
  i32: 'Int32Array',
  u32: 'Uint32Array',
  i64: 'BigInt64Array',
  u64: 'BigUint64Array',
  i4: 'Uint8Array',
  u4: 'Uint8Array',
  i2: 'Uint8Array',
  u2: 'Uint8Array',
  bool: 'Uint8Array',
  string: 'Array',
}

const isAxis = (axis: number, rank: number) => Number.isInteger(axis) && axis >= 0 && axis < rank

function gridFaults({ bits, axis, scale, zeroPoint, levels }: Grid, what: string, shape: Value['shape']): string[] {
  const faults: string[] = []
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 16))
    faults.push(`${what} has ${bits} bits; 1 to 16 are possible.`)
  if (
    levels &&
    !(levels.length > 0 && levels.length <= 2 ** bits && levels.every((q, i) => i === 0 || q > levels[i - 1]!))
  )
    faults.push(`${what} has the levels [${levels}]; 1 to ${2 ** bits} ascending integers are possible.`)
  if (axis !== null && (axis < 0 || !Number.isInteger(axis) || (shape && axis >= shape.length)))
    faults.push(`${what} runs along axis ${axis}, but the shape is [${shape}].`)
  const extent = axis === null ? 1 : shape?.[axis]
  if (typeof extent === 'number' && scale.length !== extent)
    faults.push(`${what} has ${scale.length} scales; ${extent} are needed (axis ${axis}, shape [${shape}]).`)
  if (zeroPoint.length !== scale.length)
    faults.push(`${what} has ${zeroPoint.length} zero points, but ${scale.length} scales.`)
  const bad = scale.findIndex((s) => !(s > 0 && Number.isFinite(s)))
  if (bad >= 0) faults.push(`${what} has the scale ${scale[bad]} at index ${bad}; scales are finite and positive.`)
  return faults
}
