import { toF32 } from '@mixbit/graph'
import { paddedWidth } from '@mixbit/quantizers'
import type { LayerRows } from './layer-rows.ts'
import { blocksOf, type Moments, type MomentsObserver } from './moments.ts'

/**
 * Moments of inputs that are 1 at one place and 0 elsewhere: how often each is looked up, over all positions. Every entry counts
 * as looked up once more than it was, for what the samples did not need others may. There are no targets: what is looked up
 * does not depend on layers before.
 */
export function countsObserver(layer: LayerRows): MomentsObserver {
  const { inputs } = layer
  const counts = new Float64Array(inputs)
  let seen = 0
  return {
    add(input, output, _seed, _target, rows = layer) {
      const data = toF32(input)
      for (let position = 0; position < rows.positions(output); position++, seen++)
        counts[data[position]! < 0 ? data[position]! + inputs : data[position]!]!++
    },
    moments() {
      if (seen === 0) return null
      return blocksOf(layer).map((block): Moments => {
        const { first, columns } = block
        const width = paddedWidth(columns)
        const gram = new Float32Array(width * width)
        const meanX = new Float64Array(width)
        for (let j = 0; j < columns; j++) gram[j * width + j] = meanX[j] = (counts[first + j]! + 1) / (seen + inputs)
        // Entries exclude each other, so that every row tells all there is to know of one.
        return {
          ...block,
          rows: seen + inputs,
          gram,
          meanX,
          cross: new Float32Array(0),
          meanY: new Float64Array(0),
          shrinkage: 0,
        }
      })
    },
  }
}
