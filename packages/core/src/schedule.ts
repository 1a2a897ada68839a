import type { NodeId, ValueId } from '@mixbit/graph'
import type { LiveStep } from './activation-memory.ts'
import type { Assignment } from './apply.ts'

/** A run of the quantized model, node by node, with the memory that its tensors take; bytes for one sample. */
export interface Schedule {
  /** In order of execution; the first node of a fused chain counts what it reads, the second one the result. */
  readonly steps: readonly { readonly node: NodeId; readonly bytes: number }[]
  /** The first step with the most bytes: the activation memory of the model. */
  readonly peak: {
    readonly node: NodeId
    readonly bytes: number
    /** The largest first. */
    readonly tensors: readonly { readonly value: ValueId; readonly bits: number; readonly bytes: number }[]
  }
}

/** The schedule of an assignment: tensors on grids have its bits, the others their own. */
export function scheduleOf(steps: readonly LiveStep[], activations: Assignment['activations']): Schedule {
  const sized = steps.map(({ node, tensors }) => {
    const sizes = tensors.map(({ value, elements, activation, bits: own }) => {
      const bits = activation === null ? own : activations[activation]!.bits
      return { value, bits, bytes: (elements * bits) / 8 }
    })
    return { node, bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0), tensors: sizes }
  })
  const { node, bytes, tensors } = sized.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  return {
    steps: sized.map(({ node, bytes }) => ({ node, bytes })),
    peak: { node, bytes, tensors: tensors.toSorted((a, b) => b.bytes - a.bytes) },
  }
}
