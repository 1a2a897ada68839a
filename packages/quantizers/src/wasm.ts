// The slice of WebAssembly's JS API that is used here; neither ES nor Node types declare it.
interface Wasm {
  validate(bytes: Uint8Array): boolean
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: unknown }
}

/** The exports of a module given in base64; undefined where there is no SIMD, or a page forbids WebAssembly. */
export function instantiate<Exports>(base64: string): Exports | undefined {
  const wasm = (globalThis as { WebAssembly?: Wasm }).WebAssembly
  try {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
    if (!wasm?.validate(bytes)) return undefined
    return new wasm.Instance(new wasm.Module(bytes)).exports as Exports
  } catch {
    return undefined
  }
}
