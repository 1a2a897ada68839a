import type { Adapter } from '@mixbit/adapter'
import { verify } from '@mixbit/graph'
import { readGraphModel } from './graph-model/read.ts'
import { weightKinds } from './kinds.ts'
import { readLayersModel } from './layers-model/read.ts'
import { open } from './open.ts'
import { loadRuntime, type Tf } from './runtime.ts'
import { type Backends, compile } from './session.ts'
import { loadSource, type TfjsFiles, type TfjsSource } from './source.ts'
import { squaredErrors } from './squared-errors.ts'
import { byteLength } from './write/files.ts'
import { transferBytes } from './write/transfer-bytes.ts'
import { storedBytes } from './write/weight.ts'
import { write } from './write/write.ts'

export interface TfjsOptions {
  /** TF.js; default: `@tensorflow/tfjs-node` where it is installed, else the wasm backend. Web: `() => import('@tensorflow/tfjs')`. */
  readonly runtime?: () => Promise<unknown>
  /** Backend of TF.js; default: that of the runtime. A model that it cannot run falls back to `cpu`, with a warning. */
  readonly backend?: string
  /**
   * true: written files need no loader. Weights below 8 bits lie as uint8 of few levels, which shrink under gzip and brotli, and
   * the target platform must have one scale per tensor. Default false: packed, for `@mixbit/tfjs/loader`.
   */
  readonly standard?: boolean
  /** Hears warnings; default: `console.warn`. */
  readonly onWarning?: (text: string) => void
}

/** The adapter for TF.js: reads, executes and writes graph models and layers models. */
export function tfjs(options: TfjsOptions = {}): Adapter<TfjsSource, TfjsFiles> {
  const warn = options.onWarning ?? ((text) => console.warn(text))
  const storage = options.standard ? 'standard' : 'packed'
  const load = once(async () => {
    const tf = await loadRuntime(options.runtime, warn)
    return { tf, backends: backendsOf(tf, options.backend ?? tf.getBackend(), warn) }
  })
  return {
    name: 'tfjs',
    capabilities: {
      weights: weightKinds,
      weightBits: [1, 2, 3, 4, 5, 6, 7, 8, 16],
      weightLevels: true,
      activationBits: [2, 3, 4, 5, 6, 7, 8],
    },
    async read(source) {
      const model = await loadSource(source)
      const graph =
        'node' in model.json.modelTopology ? readGraphModel(model) : await readLayersModel(model, (await load()).tf)
      verify(graph)
      return graph
    },
    async compile(graph, outputs) {
      const { tf, backends } = await load()
      return compile(tf, backends, graph, outputs)
    },
    squaredErrors,
    write: async (graph) => write(graph, storage),
    async open(files) {
      const { tf, backends } = await load()
      return open(tf, backends, files)
    },
    byteLength,
    transferBytes,
    storedBytes: (tensor, grid) => storedBytes(tensor, grid, storage),
  }
}

/** The wanted backend for every model, until one cannot run there. */
function backendsOf(tf: Tf, wanted: string, warn: (text: string) => void): Backends {
  const fallen = new WeakSet<object>()
  return {
    async use(key) {
      const name = fallen.has(key) ? 'cpu' : wanted
      if (tf.getBackend() !== name) await tf.setBackend(name)
    },
    fallBack(key, cause) {
      if (wanted === 'cpu' || fallen.has(key) || !tf.findBackend('cpu')) return false
      fallen.add(key)
      warn(
        `The backend ${wanted} of TF.js cannot run the model (${cause.message.split('\n')[0]}); it runs on cpu, slowly.`,
      )
      return true
    },
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
