import type { TfLayersModel } from '../runtime.ts'

/** Disposes of a model, and of weights that TF.js leaves behind: it counts every call of a layer, and takes back one. */
export function disposeModel(model: TfLayersModel): void {
  const weights = model.layers.flatMap((layer) => layer.weights)
  model.dispose()
  for (const { val } of weights) if (!val.isDisposed) val.dispose()
}
