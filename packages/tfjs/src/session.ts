import type { Session } from '@mixbit/adapter'
import { type Graph, MixbitError, pruneUnused, type Tensor, type Tensors, type ValueId } from '@mixbit/graph'
import { dtypeOf, tfName } from './dtypes.ts'
import { type GraphDef, graphDefOf } from './graph-model/encode.ts'
import { foreignCalls, type LayerCalls, layerCalls } from './layers-model/calls.ts'
import { joined } from './loader/manifest.ts'
import type { RawWeight } from './manifest.ts'
import { metaOf } from './meta.ts'
import { exclusive, type Tf, type TfGraphModel, type TfHandler, type TfTensor } from './runtime.ts'
import { plainWeight, unpacked } from './tensor-bytes.ts'

/** Operators that only `executeAsync` runs. */
const asynchronous =
  /^(Switch|Merge|Enter|Exit|NextIteration|StatelessIf|StatelessWhile|If|While|NonMaxSuppressionV[235]|Where)$/

/** True for graphs that only `executeAsync` runs. */
export const isAsync = (nodes: readonly { readonly op: string }[]): boolean =>
  nodes.some(({ op }) => asynchronous.test(op))

/** Where a model runs. */
export interface Backends {
  /** Sets the backend for this model. */
  use(key: object): Promise<void>
  /** Takes the next backend for this model; false when there is none. */
  fallBack(key: object, cause: Error): boolean
}

/** Compiles any graph of the IR: TF operators run as a GraphModel, layers as one custom operator each. */
export async function compile(tf: Tf, backends: Backends, whole: Graph, outputs: readonly ValueId[]): Promise<Session> {
  const graph = pruneUnused({ ...whole, outputs })
  const meta = metaOf(whole)
  return exclusive(async () => {
    await backends.use(meta)
    const layers = await layerCalls(tf, graph)
    const def = graphDefOf(graph, true, foreignCalls(layers, graph))
    const model = await loadGraph(tf, graph, def).catch((cause) => {
      layers.dispose()
      throw compileError(cause)
    })
    return sessionOf({ tf, backends, key: meta, graph, def, model, layers }, outputs)
  })
}

export const compileError = (cause: Error) =>
  new MixbitError('TFJS_COMPILE', `TF.js refuses the model: ${cause.message}`, {
    hint: 'Check that the model runs in TF.js as it is.',
    cause,
  })

/** The weights in memory as an IOHandler gives them. */
const inMemory = (json: object, weights: readonly RawWeight[]): TfHandler => ({
  load: async () => ({
    ...(json as { modelTopology: object }),
    weightSpecs: weights.map(({ spec }) => spec),
    weightData: joined(weights.map(({ bytes }) => bytes)).buffer,
  }),
})

async function loadGraph(tf: Tf, graph: Graph, { nodes, constants, added }: GraphDef): Promise<TfGraphModel> {
  const { json, loose } = metaOf(graph)
  const read = new Set(nodes.flatMap(({ input = [] }) => input.map((ref) => ref.replace(/^\^/, ''))))
  const weights = [
    ...[...constants].map(([id, name]) => plainWeight(name, graph.values.get(id)!.tensor!)),
    ...[...added].map(([name, tensor]) => plainWeight(name, tensor)),
  ].filter(({ spec }) => read.has(spec.name))
  const { library } = (json.modelTopology ?? {}) as { library?: object }
  const used = nodes.filter(({ name, op }) => op !== 'Const' || read.has(name))
  const modelTopology = { node: used, ...(library && { library }), versions: {} }
  return tf.loadGraphModel(inMemory({ modelTopology }, [...weights, ...loose.map(unpacked)]))
}

interface Compiled {
  readonly tf: Tf
  readonly backends: Backends
  readonly key: object
  readonly graph: Graph
  readonly def: GraphDef
  readonly model: TfGraphModel
  readonly layers: LayerCalls
}

function sessionOf(compiled: Compiled, outputs: readonly ValueId[]): Session {
  const { tf, backends, key, graph, def, model, layers } = compiled
  const made = [...new Set(outputs.filter((id) => !graph.inputs.includes(id) && !graph.values.get(id)?.tensor))]
  const names = made.map((id) => def.names.get(id)!)
  const waits = isAsync(def.nodes)
  let disposed = false
  const execute = async (feeds: Tensors): Promise<Map<ValueId, Tensor>> => {
    await backends.use(key)
    const inputs = Object.fromEntries(graph.inputs.map((id) => [def.names.get(id)!, tfTensor(tf, id, feeds, graph)]))
    try {
      const results =
        names.length === 0 ? [] : waits ? await model.executeAsync(inputs, names) : model.execute(inputs, names)
      return await irTensors(made, [results].flat() as TfTensor[])
    } finally {
      for (const tensor of Object.values(inputs)) tensor.dispose()
    }
  }
  return {
    run: (feeds) =>
      exclusive(async () => {
        if (disposed) throw disposedError()
        const results = await retrying(backends, key, () => execute(feeds))
        return new Map(outputs.map((id) => [id, results.get(id) ?? feeds.get(id) ?? graph.values.get(id)!.tensor!]))
      }),
    async dispose() {
      if (disposed) return
      disposed = true
      model.dispose()
      layers.dispose()
    },
  }
}

export const disposedError = () =>
  new MixbitError('SESSION_DISPOSED', 'The session was disposed of and cannot run.', {
    hint: 'Run inside withSession, or dispose later.',
  })

/** Runs, and once more on the next backend when this one lacks an operator. */
export async function retrying<T>(backends: Backends, key: object, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    if ((cause as Error).name === 'MixbitError') throw cause
    if (backends.fallBack(key, cause as Error)) return retrying(backends, key, run)
    throw new MixbitError('TFJS_RUN', `TF.js could not run the model: ${(cause as Error).message}`, {
      hint: 'Check shapes and dtypes of the inputs.',
      cause,
    })
  }
}

/** @throws MixbitError `FEED_MISSING`, `FEED_MISMATCH` */
export function tfTensor(tf: Tf, id: ValueId, feeds: Tensors, graph: Pick<Graph, 'values'> | null): TfTensor {
  const tensor = feeds.get(id)
  if (!tensor)
    throw new MixbitError(
      'FEED_MISSING',
      `Input ${id} was not fed; fed were ${[...feeds.keys()].join(', ') || 'none'}.`,
      {
        hint: 'Feed every input of the model by its name.',
      },
    )
  const value = graph?.values.get(id)
  const fits =
    !value?.shape ||
    (value.shape.length === tensor.shape.length &&
      value.shape.every((dim, i) => typeof dim === 'string' || dim === tensor.shape[i]))
  if (value && (value.dtype !== tensor.dtype || !fits))
    throw new MixbitError(
      'FEED_MISMATCH',
      `Input ${id} is ${value.dtype}[${value.shape ?? '?'}], but ${tensor.dtype}[${tensor.shape}] was fed.`,
      { hint: 'Feed the shape and dtype that the model declares.' },
    )
  return tf.tensor(tensor.data, tensor.shape, tfName(tensor.dtype, `Input ${id}`))
}

/** Results as tensors of the IR; those of TF.js are disposed of. */
export async function irTensors(ids: readonly ValueId[], tensors: readonly TfTensor[]): Promise<Map<ValueId, Tensor>> {
  try {
    const results = new Map<ValueId, Tensor>()
    for (const [i, id] of ids.entries()) {
      const tensor = tensors[i]
      const dtype = tensor && dtypeOf(tensor.dtype)
      if (!dtype)
        throw new MixbitError(
          'TFJS_RUN',
          `Output ${id} has the element type ${tensor?.dtype}, which Mixbit does not read.`,
          {
            hint: 'Ask for other outputs.',
          },
        )
      results.set(id, { dtype, shape: [...tensor.shape], data: (await tensor.data()) as Tensor['data'] })
    }
    return results
  } finally {
    for (const tensor of new Set(tensors)) tensor?.dispose()
  }
}
