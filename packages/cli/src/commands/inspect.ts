import type { ResourceUtilizationData, Utilization } from '@mixbit/core'
import type { Command } from 'commander'
import type { Backend } from '../backend.ts'
import * as format from '../format.ts'
import { loadInputs } from '../inputs/load.ts'
import { type Graph, type Node, sizeOf } from '../mixbit.ts'
import type { CommonOptions } from '../options.ts'
import { backend, type Run } from '../run.ts'
import { right, table } from '../table.ts'
import { readTarget } from '../target.ts'

interface InspectFlags extends CommonOptions {
  readonly text?: boolean
  readonly sizes?: boolean
  readonly target?: string
  readonly inputShape?: ReadonlyMap<string, readonly number[]>
}

/** Shows what the toolkit sees in a model. */
export async function inspectCommand(run: Run, command: Command, model: string): Promise<void> {
  const options = command.opts<InspectFlags>()
  const { adapter, core } = await backend(run, options, model)
  const graph = await adapter.read(model)
  if (options.text) {
    const { printGraph } = await import('@mixbit/graph')
    return run.io.stdout(`${printGraph(graph)}\n`)
  }
  const sizes = options.sizes ? await sizesOf(run, { adapter, core }, model, graph, options) : undefined
  const overview = inspect(graph)
  run.io.stdout(
    options.json
      ? format.json({ ...overview, ...(sizes && { sizes }) })
      : `${inspectText(overview)}${sizes ? `\n${sizesText(sizes)}` : ''}`,
  )
}

/** Sizes at every bit-width; random inputs give the shapes, and without shapes there are the sizes that need none. */
async function sizesOf(
  run: Run,
  { adapter, core }: Backend,
  model: string,
  graph: Graph,
  { target, inputShape, quiet }: InspectFlags,
): Promise<ResourceUtilizationData> {
  const options = { adapter, targetPlatform: await readTarget(core, target) }
  const withShapes = async () => {
    const { feeds } = await loadInputs(graph, { source: 'random', samples: 1, inputShapes: inputShape })
    return core.resourceUtilizationData(model, { ...options, representativeDataset: feeds })
  }
  return withShapes().catch(async (error) => {
    const sizes = await core.resourceUtilizationData(model, options)
    if (!quiet)
      run.io.stderr(`warning: no activations and bit operations, as the model did not run: ${error.message}\n`)
    return sizes
  })
}

const inputsOf = (graph: Graph, ids: readonly string[]) =>
  ids.map((id) => ({ name: id, dtype: graph.values.get(id)?.dtype, shape: graph.values.get(id)?.shape ?? null }))

/** The graph as a list of facts; bytes are those of the quantizable weights, macs of one sample. */
export function inspect(graph: Graph) {
  const nodes = graph.nodes.map((node) => ({
    node: node.id,
    kind: node.kind,
    op: node.op,
    weights: weightsOf(graph, node),
    outputShape: graph.values.get(node.outputs.find((id) => id !== null) ?? '')?.shape ?? null,
    macs: node.macs ?? null,
  }))
  return {
    model: graph.name,
    inputs: inputsOf(graph, graph.inputs),
    outputs: inputsOf(graph, graph.outputs),
    nodes,
    weightsMemory: weightBytes(graph),
    macs: nodes.reduce((sum, node) => sum + (node.macs ?? 0), 0),
  }
}

function weightsOf(graph: Graph, node: Node) {
  return node.weights.map(({ input, axis }) => {
    const value = graph.values.get(node.inputs[input] ?? '')
    const shape = value?.tensor?.shape ?? []
    return { value: value?.id ?? '', dtype: value?.dtype ?? 'f32', shape, axis, bytes: byteSize(value?.tensor) }
  })
}

const byteSize = (tensor: { dtype: string; shape: readonly number[] } | undefined) =>
  tensor ? sizeOf(tensor.shape) * (tensor.dtype === 'f16' || tensor.dtype === 'bf16' ? 2 : 4) : 0

/** Shared weights count once. */
function weightBytes(graph: Graph): number {
  const ids = new Set(graph.nodes.flatMap((node) => node.weights.map(({ input }) => node.inputs[input] ?? '')))
  return [...ids].reduce((sum, id) => sum + byteSize(graph.values.get(id)?.tensor), 0)
}

function inspectText(overview: ReturnType<typeof inspect>): string {
  const signature = (values: ReturnType<typeof inputsOf>) =>
    values.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape ?? '?'}]`).join(', ')
  const rows = overview.nodes.map((node) => [
    node.node,
    node.kind,
    node.op,
    node.weights.map(({ shape }) => shape.join('x')).join(' '),
    node.weights.length ? format.bytes(node.weights.reduce((sum, weight) => sum + weight.bytes, 0)) : '',
    node.outputShape?.join('x') ?? '?',
    node.macs === null ? '' : String(node.macs),
  ])
  const columns = ['node', 'kind', 'op', 'weights', right('bytes'), 'output', right('macs')]
  return `${table(columns, rows)}
model    ${overview.model}
inputs   ${signature(overview.inputs)}
outputs  ${signature(overview.outputs)}
weights  ${format.bytes(overview.weightsMemory)} that can be quantized
macs     ${overview.macs}
`
}

function sizesText({ float, byBits }: ResourceUtilizationData): string {
  const row = (name: string, sizes: Utilization) => [
    name,
    ...[sizes.weightsMemory, sizes.fileSize, sizes.activationMemory, sizes.totalMemory].map((size) =>
      size === null ? '-' : format.bytes(size),
    ),
    format.number(sizes.bops),
  ]
  const widths = Object.keys(byBits).sort((a, b) => Number(b) - Number(a))
  return table(
    ['all at', right('weights'), right('file'), right('activations'), right('total'), right('bit operations')],
    [row('float', float), ...widths.map((bits) => row(`${bits} bits`, byBits[bits]!))],
  )
}
