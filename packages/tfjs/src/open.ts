import type { Session } from '@mixbit/adapter'
import type { ValueId } from '@mixbit/graph'
import { endsOf } from './graph-model/read.ts'
import { disposeModel } from './layers-model/dispose.ts'
import { functional } from './layers-model/read.ts'
import { parseModel } from './loader/manifest.ts'
import { mixbitHandler } from './loader.ts'
import { exclusive, type Tf, type TfTensor } from './runtime.ts'
import { type Backends, compileError, disposedError, irTensors, isAsync, retrying, tfTensor } from './session.ts'
import { fileOf, type TfjsFiles } from './source.ts'

/** Opens written files as a page does: through the loader, with TF.js's own models. */
export async function open(tf: Tf, backends: Backends, files: TfjsFiles): Promise<Session> {
  const handler = mixbitHandler(async (path) => fileOf(files, path))
  const json = parseModel(fileOf(files, 'model.json'))
  const model = await exclusive(async () => {
    await backends.use(files)
    return 'node' in json.modelTopology ? graphModel(tf, json, handler) : layersModel(tf, json, handler)
  }).catch((cause: Error) => {
    throw cause.name === 'MixbitError' ? cause : compileError(cause)
  })
  let disposed = false
  return {
    run: (feeds) =>
      exclusive(async () => {
        if (disposed) throw disposedError()
        return retrying(backends, files, async () => {
          await backends.use(files)
          const inputs = new Map(model.inputs.map((id) => [id, tfTensor(tf, id, feeds, null)]))
          try {
            return await irTensors(model.outputs, await model.run(inputs))
          } finally {
            for (const tensor of inputs.values()) tensor.dispose()
          }
        })
      }),
    async dispose() {
      if (disposed) return
      disposed = true
      model.dispose()
    },
  }
}

interface Opened {
  readonly inputs: readonly ValueId[]
  readonly outputs: readonly ValueId[]
  run(inputs: ReadonlyMap<ValueId, TfTensor>): Promise<readonly TfTensor[]>
  dispose(): void
}

type Json = ReturnType<typeof parseModel>
type Handler = ReturnType<typeof mixbitHandler>

async function graphModel(tf: Tf, json: Json, handler: Handler): Promise<Opened> {
  const model = await tf.loadGraphModel(handler)
  const { inputs, outputs } = endsOf(json)
  const waits = isAsync((json.modelTopology as { node: readonly { op: string }[] }).node)
  return {
    inputs: inputs.map(({ id }) => id),
    outputs,
    async run(tensors) {
      const feeds = Object.fromEntries(tensors)
      return [waits ? await model.executeAsync(feeds, outputs) : model.execute(feeds, outputs)].flat() as TfTensor[]
    },
    dispose: () => model.dispose(),
  }
}

async function layersModel(tf: Tf, json: Json, handler: Handler): Promise<Opened> {
  const model = await tf.loadLayersModel(handler)
  const topology = json.modelTopology as { model_config?: { config: object }; config?: object }
  const { inputs, outputs } = functional((topology.model_config?.config ?? topology.config)!)
  return {
    inputs,
    outputs,
    run: async (tensors) => {
      const data = inputs.map((id) => tensors.get(id)!)
      return [model.predictOnBatch(data.length === 1 ? data[0]! : data)].flat() as TfTensor[]
    },
    dispose: () => disposeModel(model),
  }
}
