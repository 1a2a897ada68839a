import { readFile, stat } from 'node:fs/promises'
import type { Adapter, CompileOptions } from '@mixbit/adapter'
import type * as Core from '@mixbit/core'
import { MixbitError } from './mixbit.ts'

/** A model on disk: one file, or a folder of files by name. */
export type Artifact = Uint8Array | ReadonlyMap<string, Uint8Array>

/** The adapter as the command line uses it: models come as paths or bytes and leave as files. */
export type FileAdapter = Adapter<string | Uint8Array, Artifact>

/** What the commands call. */
export interface Backend {
  readonly adapter: FileAdapter
  readonly core: Pick<
    typeof Core,
    | 'quantize'
    | 'runRecord'
    | 'compareWeightings'
    | 'analyze'
    | 'resourceUtilizationData'
    | 'compareSessions'
    | 'targetPlatform'
    | 'targetPlatforms'
    | 'withWeightBits'
  >
}

/** onnxruntime-node, or onnxruntime-web on one thread: what a browser tab runs, number for number. */
export type OnnxRuntime = 'node' | 'web'

export interface BackendOptions {
  readonly threads?: number | undefined
  /** What runs ONNX models; default `node`. */
  readonly runtime?: OnnxRuntime | undefined
  /** The path of the model, which tells the format; default: ONNX. */
  readonly model?: string | undefined
}

/** TF.js models are folders with a model.json, or that file itself. */
export const isTfjs = async (path: string): Promise<boolean> =>
  path.endsWith('.json') || (await stat(path).catch(() => undefined))?.isDirectory() === true

/**
 * @mixbit/core, and @mixbit/tfjs or @mixbit/onnx on onnxruntime; imported here and not at the top, so that `--help` is fast.
 */
export async function loadBackend({ threads, runtime = 'node', model }: BackendOptions = {}): Promise<Backend> {
  const tfjs = model !== undefined && (await isTfjs(model))
  const [core, adapter] = await Promise.all([import('@mixbit/core'), tfjs ? tfjsAdapter() : onnxAdapter(runtime)])
  if (runtime === 'web' && threads !== undefined && threads > 1)
    throw new MixbitError('OPTION_INVALID', `--threads is ${threads}, but --runtime web has one thread.`, {
      hint: 'Leave --threads out, or use --runtime node.',
    })
  return { core, adapter: withThreads(adapter, threads) }
}

const onnxAdapter = async (runtime: OnnxRuntime) =>
  (await import('@mixbit/onnx')).onnx({ runtime: runtimes[runtime] }) as FileAdapter

/** Only one of them may be imported: both register their backends in one place, and the second would run on the first. */
const runtimes: Readonly<Record<OnnxRuntime, () => Promise<unknown>>> = {
  node: () => import('onnxruntime-node'),
  web: async () => {
    const ort = await import('onnxruntime-web').catch((cause) => {
      throw new MixbitError('ONNX_RUNTIME_MISSING', `onnxruntime-web could not be loaded: ${cause.message}`, {
        hint: 'Install it beside mixbit: npm install onnxruntime-web (with --global if mixbit is global).',
        cause,
      })
    })
    // Threads add up in another order.
    ort.env.wasm.numThreads = 1
    return ort
  },
}

const tfjsAdapter = async () => (await import('@mixbit/tfjs')).tfjs() as unknown as FileAdapter

/** A model on disk as `open` takes it. @throws MixbitError `MODEL_NOT_FOUND` */
export async function readArtifact(path: string): Promise<Artifact> {
  if (await isTfjs(path)) return (await import('@mixbit/tfjs')).readFiles(path)
  return readFile(path).catch((cause) => {
    throw new MixbitError('MODEL_NOT_FOUND', `${path} cannot be read: ${cause.message}.`, {
      hint: 'Check the path.',
      cause,
    })
  })
}

/** Bytes of a model on disk. */
export const sizeOf = (artifact: Artifact): number =>
  artifact instanceof Uint8Array ? artifact.length : [...artifact.values()].reduce((sum, { length }) => sum + length, 0)

/** The same adapter with a thread count for every session that does not ask for its own. */
export function withThreads(adapter: FileAdapter, threads: number | undefined): FileAdapter {
  if (threads === undefined) return adapter
  const given = (options?: CompileOptions) => ({ threads, ...options })
  return {
    ...adapter,
    compile: (graph, outputs, options) => adapter.compile(graph, outputs, given(options)),
    ...(adapter.open && {
      open: (artifact: Artifact, options?: CompileOptions) => adapter.open!(artifact, given(options)),
    }),
  }
}
