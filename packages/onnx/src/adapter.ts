import type { Adapter, CompileOptions } from '@mixbit/adapter'
import { type Graph, MixbitError, type ValueId } from '@mixbit/graph'
import { weightKinds } from './classify.ts'
import { encodeForRun, encodeOnnx } from './encode.ts'
import { lowerFakeQuantize } from './fake-quantize.ts'
import { gradientSession } from './gradients/gradients.ts'
import { lowerPads } from './lower-pad.ts'
import { graphOf } from './read.ts'
import { type OrtRuntime, sessionOf } from './session.ts'
import { loadSource, type OnnxSource } from './source.ts'
import { squaredErrors } from './squared-errors.ts'
import { lowerStorage } from './storage/lower.ts'
import { sharedBytes, storedBytes } from './storage/stored-bytes.ts'

export interface OnnxOptions {
  /** The runtime that executes; default: `() => import('onnxruntime-node')`. Web: `() => import('onnxruntime-web')`. */
  readonly runtime?: () => Promise<unknown>
  /** Threads of one run; default: the runtime's own choice. */
  readonly threads?: number
}

/**
      weightBits: [1, 2, 3, 4, 5, 6, 7, 8, 16],
      weightLevels: true,
      activationBits: [2, 3, 4, 5, 6, 7, 8, 16],
 */
export function onnx(options: OnnxOptions = {}): Adapter<OnnxSource, Uint8Array> {
  const load = once(() => loadRuntime(options.runtime))
  const create = async (
    graph: Pick<Graph, 'values'> | null,
    outputs: readonly ValueId[] | null,
    model: Uint8Array,
    extra: object,
  ) => {
    const ort = await load()
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3, ...extra }).catch(
      (cause: Error) => {
        throw new MixbitError('ONNX_COMPILE', `onnxruntime refuses the model: ${cause.message}`, {
          hint: 'Check that the model runs in onnxruntime as it is.',
          cause,
        })
      },
    )
    return sessionOf(ort, session, graph, outputs ?? session.outputNames)
  }
  const threads = ({ threads = options.threads }: CompileOptions = {}) =>
    threads === undefined ? {} : { intraOpNumThreads: threads }
  const adapter: Adapter<OnnxSource, Uint8Array> = {
    name: 'onnx',
    capabilities: {
      weights: weightKinds,
      weightBits: [1, 2, 3, 4, 5, 6, 7, 8, 16],
      weightLevels: true,
      activationBits: [2, 3, 4, 5, 6, 7, 8, 16],
    },
    async read(source) {
      const { model, files } = await loadSource(source)
      return graphOf(model, files)
    },
    compile(graph, outputs, compileOptions) {
      const exact = lowerPads(lowerFakeQuantize(graph))
      const { model, externalData } = encodeForRun(exact, outputs)
      // Without this, onnxruntime computes what lies between quantizers in integers, which is not what the IR says.
      const extra = { session: { disable_quant_qdq: '1' } }
      return create(graph, outputs, model, {
        ...threads(compileOptions),
        enableMemPattern: false,
        extra,
        ...(externalData.length > 0 && { externalData }),
      })
    },
    squaredErrors,
    gradients: (graph, of, values, sample) => gradientSession(adapter, graph, of, values, sample),
    write: async (graph) => encodeOnnx(lowerStorage(graph)),
    open: (artifact, compileOptions) => create(null, null, artifact, threads(compileOptions)),
    byteLength: (artifact) => artifact.length,
    storedBytes,
    sharedBytes,
  }
  return adapter
}

async function loadRuntime(runtime: OnnxOptions['runtime']): Promise<OrtRuntime> {
  try {
    const module = (await (runtime ?? (() => import('onnxruntime-node')))()) as { default?: OrtRuntime } & OrtRuntime
    return module.InferenceSession ? module : (module.default as OrtRuntime)
  } catch (cause) {
    // Whoever gives a runtime may know better what to do.
    if (cause instanceof MixbitError) throw cause
    throw new MixbitError('ONNX_RUNTIME_MISSING', `onnxruntime could not be loaded: ${(cause as Error).message}`, {
      hint: 'Install onnxruntime-node, or give another runtime: onnx({ runtime: () => import("onnxruntime-web") }).',
      cause,
    })
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
