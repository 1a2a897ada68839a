// The runtimes, each loaded with the first model that needs it, from the page's own origin.
import type { Adapter } from '@mixbit/adapter'
import { onnx } from '@mixbit/onnx'
import { type TfjsFiles, tfjs } from '@mixbit/tfjs'
import ortWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import type { Format } from './protocol.ts'

export type Artifact = Uint8Array | TfjsFiles

/** One thread: the same sums in the same order on every machine, hence the same bytes. */
async function ortRuntime() {
  const ort = await import('onnxruntime-web/wasm')
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmPaths = { wasm: absolute(ortWasm) }
  return ort
}

async function tfRuntime() {
  const [core, layers, converter, wasm, simd, plain] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-converter'),
    import('@tensorflow/tfjs-backend-wasm'),
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'),
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'),
    import('@tensorflow/tfjs-backend-cpu'),
  ])
  wasm.setThreadsCount(1)
  wasm.setWasmPaths({
    'tfjs-backend-wasm.wasm': absolute(plain.default),
    'tfjs-backend-wasm-simd.wasm': absolute(simd.default),
    // Never asked for with one thread, but the table must be whole.
    'tfjs-backend-wasm-threaded-simd.wasm': absolute(simd.default),
  })
  const tf = { ...core, ...layers, ...converter }
  await tf.setBackend('wasm')
  return tf
}

const absolute = (url: string) => new URL(url, import.meta.url).href

/** The adapter of a format, on the runtime of the page. */
export function adapterOf(format: Format, onWarning: (text: string) => void): Adapter<unknown, Artifact> {
  return format === 'onnx'
    ? (onnx({ runtime: ortRuntime, threads: 1 }) as Adapter<unknown, Artifact>)
    : (tfjs({ runtime: tfRuntime, onWarning }) as Adapter<unknown, Artifact>)
}
