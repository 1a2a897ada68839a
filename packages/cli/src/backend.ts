import type { Adapter, CompileOptions } from '@mixbit/adapter'
import type * as Core from '@mixbit/core'

/** The adapter as the command line uses it: models come as paths or bytes and leave as bytes. */
export type FileAdapter = Adapter<string | Uint8Array, Uint8Array>

/** What the commands call. */
export interface Backend {
  readonly adapter: FileAdapter
  readonly core: Pick<
    typeof Core,
    | 'quantize'
    | 'compareWeightings'
    | 'analyze'
    | 'resourceUtilizationData'
    | 'compareSessions'
    | 'targetPlatform'
    | 'targetPlatforms'
    | 'withWeightBits'
  >
}

/**
 * @mixbit/core, and @mixbit/onnx on onnxruntime-node; imported here and not at the top, so that `--help` is fast.
 */
export async function loadBackend({ threads }: { threads?: number } = {}): Promise<Backend> {
  const [core, { onnx }] = await Promise.all([import('@mixbit/core'), import('@mixbit/onnx')])
  return { core, adapter: withThreads(onnx({ runtime: () => import('onnxruntime-node') }) as FileAdapter, threads) }
}

/** The same adapter with a thread count for every session that does not ask for its own. */
export function withThreads(adapter: FileAdapter, threads: number | undefined): FileAdapter {
  if (threads === undefined) return adapter
  const given = (options?: CompileOptions) => ({ threads, ...options })
  return {
    ...adapter,
    compile: (graph, outputs, options) => adapter.compile(graph, outputs, given(options)),
    ...(adapter.open && {
      open: (artifact: Uint8Array, options?: CompileOptions) => adapter.open!(artifact, given(options)),
    }),
  }
}
