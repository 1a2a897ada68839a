import { MixbitError } from '@mixbit/graph'

/** As much of a tensor of TF.js as is used. */
export interface TfTensor {
  readonly id: number
  readonly shape: readonly number[]
  readonly dtype: string
  data(): Promise<unknown>
  dispose(): void
}

/** What an IOHandler gives: model.json in parts, and the weights. */
export interface TfArtifacts {
  readonly modelTopology: object
  readonly format?: string
  readonly weightSpecs?: readonly object[]
  readonly weightData?: ArrayBuffer | readonly ArrayBuffer[]
  readonly [more: string]: unknown
}

export interface TfHandler {
  load(): Promise<TfArtifacts>
}

export interface TfWeight {
  readonly originalName: string
  readonly val: { readonly isDisposed: boolean; dispose(): void }
  write(value: TfTensor): unknown
}

export interface TfLayer {
  readonly name: string
  readonly weights: readonly TfWeight[]
  apply(inputs: TfTensor | readonly TfTensor[]): TfTensor | readonly TfTensor[]
  getOutputAt(node: number): TfSymbol | readonly TfSymbol[]
}

/** A value of a layers model that is not computed yet. */
export interface TfSymbol {
  readonly shape: readonly (number | null)[]
  readonly dtype: string
}

export interface TfGraphModel {
  execute(inputs: object, outputs: readonly string[]): TfTensor | readonly TfTensor[]
  dispose(): void
  executeAsync(inputs: object, outputs: readonly string[]): Promise<TfTensor | readonly TfTensor[]>
}

export interface TfLayersModel {
  readonly layers: readonly TfLayer[]
  readonly inputs: readonly (TfSymbol & { readonly name: string })[]
  getLayer(name: string): TfLayer
  predictOnBatch(inputs: TfTensor | readonly TfTensor[]): TfTensor | readonly TfTensor[]
  dispose(): unknown
}

/** As much of TF.js (core, layers and converter in one object, as in the package `@tensorflow/tfjs`) as is used. */
export interface Tf {
  tensor(data: unknown, shape: readonly number[], dtype: string): TfTensor
  tidy<T>(run: () => T): T
  clone(tensor: TfTensor): TfTensor
  memory(): { readonly numTensors: number }
  getBackend(): string
  setBackend(name: string): Promise<boolean>
  findBackend(name: string): unknown
  ready(): Promise<void>
  loadGraphModel(handler: TfHandler): Promise<TfGraphModel>
  loadLayersModel(handler: TfHandler, options?: { strict?: boolean }): Promise<TfLayersModel>
  registerOp(name: string, run: (node: { inputs: TfTensor[]; attrs: Record<string, unknown> }) => unknown): void
}

/**
 * The runtime that is given, or @tensorflow/tfjs-node where it is installed and loads, or TF.js on its wasm backend.
 * @throws MixbitError `TFJS_RUNTIME_MISSING`
 */
export async function loadRuntime(
  given: (() => Promise<unknown>) | undefined,
  warn: (text: string) => void,
): Promise<Tf> {
  try {
    const tf = given ? whole(await given()) : ((await nodeRuntime(warn)) ?? (await wasmRuntime()))
    await tf.ready()
    return tf
  } catch (cause) {
    throw new MixbitError('TFJS_RUNTIME_MISSING', `TF.js could not be loaded: ${(cause as Error).message}`, {
      hint: 'Install @tensorflow/tfjs-core, -layers, -converter, -backend-cpu and -backend-wasm, or give a runtime: tfjs({ runtime: () => import("@tensorflow/tfjs") }).',
      cause,
    })
  }
}

/** A module that came through import() of CommonJS has its exports under `default`. */
function whole(module: unknown): Tf {
  const { default: inner, ...outer } = module as { default?: object }
  return { ...inner, ...outer } as unknown as Tf
}

/** Only where somebody installed it; half-installed, it throws whatever it likes. */
async function nodeRuntime(warn: (text: string) => void): Promise<Tf | undefined> {
  const name = '@tensorflow/tfjs-node'
  try {
    return whole(await import(/* @vite-ignore */ name))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const absent = code === 'ERR_MODULE_NOT_FOUND' || /(find|resolve)\W.*tfjs-node/.test(message)
    if (!absent) warn(`${name} does not load (${message.split('\n')[0]}); TF.js runs on wasm.`)
    return undefined
  }
}

async function wasmRuntime(): Promise<Tf> {
  const [core, layers, converter, wasm] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-converter'),
    import('@tensorflow/tfjs-backend-wasm'),
    import('@tensorflow/tfjs-backend-cpu'),
  ])
  const tf: Tf = Object.assign({}, ...[core, layers, converter].map(whole))
  const { setWasmPaths } = whole(wasm) as unknown as typeof import('@tensorflow/tfjs-backend-wasm')
  if (typeof process !== 'undefined' && process.versions?.node) setWasmPaths(await wasmFolder())
  await tf.setBackend('wasm')
  return tf
}

/** Where the package keeps its .wasm files; in a page the bundler or the server knows. */
async function wasmFolder(): Promise<string> {
  const [{ createRequire }, { dirname, sep }] = await Promise.all([import('node:module'), import('node:path')])
  return dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')) + sep
}

/** Keeps runs apart: the backend is a global of TF.js, and asynchronous runs would mix. */
let queue: Promise<unknown> = Promise.resolve()
export function exclusive<T>(run: () => Promise<T>): Promise<T> {
  const result = queue.then(run, run)
  queue = result.catch(() => {})
  return result
}
