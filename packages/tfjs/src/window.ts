import type { OpKind, Window } from '@mixbit/graph'

/** What an operator says about how it walks; `strides` and `dilations` of the spatial axes. */
interface Walk {
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** `same`, `valid` (in any case), or zeros before every spatial axis, then behind every one. */
  readonly padding: string | readonly number[]
}

/** The window of a convolution with channels last; undefined for other nodes, and for paddings that are neither. */
export function windowOf(kind: OpKind, weight: readonly number[] | undefined, walk: Walk): Window | undefined {
  const { strides, dilations, padding } = walk
  const axes = weight ? weight.length - 2 : 0
  if ((kind !== 'conv' && kind !== 'depthwiseConv') || axes < 1 || strides.length !== axes || dilations.length !== axes)
    return undefined
  const name = typeof padding === 'string' ? padding.toLowerCase() : ''
  const pads =
    typeof padding !== 'string' ? padding : name === 'valid' ? new Array<number>(2 * axes).fill(0) : 'sameUpper'
  if (name !== '' && name !== 'valid' && name !== 'same') return undefined
  return { strides, dilations, pads, groups: kind === 'depthwiseConv' ? weight!.at(-2)! : 1, channelsLast: true }
}
