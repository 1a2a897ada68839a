import type { Layer } from './candidates.ts'
import type { Activation } from './observe.ts'

/** A layer of so many weights that a search can choose bits for; there are no weights behind it. */
export const layer = (node: string, elements: number, widths: readonly number[] = [8, 4, 2]): Layer => ({
  node,
  kind: 'dense',
  sharedWith: [],
  weights: [node],
  shape: [elements],
  floatBytes: elements * 4,
  base: widths[0]!,
  candidates: widths.map((bits) => ({
    bits,
    grids: [],
    weightsBytes: (elements * bits) / 8,
    // Scales and helpers, so that the file is no multiple of the weights.
    fileBytes: Math.ceil((elements * bits) / 8) + 7,
  })),
})

/** An activation of 8, 4 or 2 bits, likewise. */
export const activation = (value: string): Activation => ({
  value,
  values: [value],
  fused: [],
  base: 8,
  otherBase: null,
  candidates: [8, 4, 2].map((bits) => ({
    bits,
    grid: { bits, signed: false, axis: null, scale: Float32Array.of(1), zeroPoint: Int32Array.of(0) },
  })),
})
