import type { DType, Tensor } from './tensor.ts'

/** Unique in its graph. Values and nodes have separate name spaces. */
export type ValueId = string
export type NodeId = string

/** A known extent, or the name of a symbolic one (`'N'`, batch and the like). */
export type Dim = number | string

/**
 * What the toolkit can reason about. Everything else is `opaque`: it passes through untouched.
 * `elementwise` computes element by element (exp, clip by tensors, ...); `reshapeLike` only moves or relabels data.
 */
export type OpKind =
  | 'conv'
  | 'depthwiseConv'
  | 'convTranspose'
  | 'dense'
  | 'matmul'
  | 'embedding'
  | 'recurrent'
  | 'add'
  | 'mul'
  | 'concat'
  | 'stack'
  | 'activation'
  | 'sigmoid'
  | 'softmax'
  | 'batchNorm'
  | 'layerNorm'
  | 'maxPool'
  | 'averagePool'
  | 'pad'
  | 'reduce'
  | 'resize'
  | 'gather'
  | 'elementwise'
  | 'reshapeLike'
  | 'identity'
  | 'constant'
  | 'fakeQuantize'
  | 'opaque'

/**
 * The grid a tensor is (or shall be) stored on: value = (q - zeroPoint) * scale, in float32 arithmetic.
 * q is in [-2^(bits-1), 2^(bits-1) - 1] when signed, else in [0, 2^bits - 1], or one of `levels`. Symmetric and
 * power-of-two grids have zeroPoint 0; unsigned symmetric has signed = false, zeroPoint = 0.
 */
export interface Grid {
  /** 1 to 16. */
  readonly bits: number
  readonly signed: boolean
  /** The axis along which scale and zeroPoint run; null: one of each for the whole tensor. */
  readonly axis: number | null
  readonly scale: Float32Array
  readonly zeroPoint: Int32Array
  /**
   * A look-up table: the only integers q can be, ascending, at most 2^bits of them, within int8. What is stored is the index
   * of q among them. Absent: all integers of the width.
   */
  readonly levels?: Int8Array
}

/**
 * Attribute of an operator. A plain number is an integer; `{ float }` holds one or several floats; `{ tensor }` a
 * tensor; `{ bytes }` whatever else the format has (subgraphs ...), encoded as the adapter likes.
 */
export type Attr =
  | number
  | bigint
  | boolean
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number | readonly number[] }
  | { readonly tensor: Tensor }
  | { readonly bytes: Uint8Array }

/** One quantizable weight of a node. */
export interface Weight {
  /** Index into `node.inputs`; that value is a constant of dtype f32 or f16. */
  readonly input: number
  /** Axis of the output channels in the weight's shape: per-channel grids run along it. */
  readonly axis: number
}

/** How a convolution walks over its input. Data is [N, C, ...spatial], or [N, ...spatial, C] when `channelsLast`. */
export interface Window {
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Zeros before every spatial axis, then behind every one; or as many as give outputs of ceil(input / stride). */
  readonly pads: readonly number[] | 'sameUpper' | 'sameLower'
  readonly groups: number
  readonly channelsLast: boolean
}

/**
 * How a recurrent layer reads its sequence: whatever its gates do, they get `W x(t) + R h(t - 1)` and biases. Sequences are
 * [time, batch, features] or [batch, time, features]; a weight is [directions, outputs, inputs] or, with one direction,
 * [inputs, outputs].
 */
export interface Recurrence {
  /** Axis of time in the input; the batch is the other one. */
  readonly timeAxis: 0 | 1
  /** Indices into `inputs` of W and R. */
  readonly inputWeight: number
  readonly stateWeight: number
  /** Index into `inputs` of the first hidden state, [directions, batch, features] (the first two as in the input); null: zeros. */
  readonly initialState: number | null
  /**
   * Index into `outputs` of all hidden states, [time, directions, batch, features], [batch, time, directions, features] or without
   * the directions; null: they cannot be had. Where that output is left out, naming it is enough to get it.
   */
  readonly states: number | null
  /** One per direction: 1 from the first time to the last, -1 the other way round. */
  readonly directions: readonly number[]
}

export interface Node {
  readonly id: NodeId
  readonly kind: OpKind
  /** The framework's own operator, with its domain unless that is the default one: `Conv`, `com.microsoft::Gelu`. */
  readonly op: string
  /** null: an optional input that is left out. */
  readonly inputs: readonly (ValueId | null)[]
  readonly outputs: readonly (ValueId | null)[]
  readonly attrs: Readonly<Record<string, Attr>>
  /** Quantizable weights; empty for most nodes. */
  readonly weights: readonly Weight[]
  /** Multiply-accumulates for one sample, when known. */
  readonly macs?: number
  /** Least and greatest value that the operator can give, where it tells (ReLU: 0 to Infinity; ReLU6: 0 to 6). */
  readonly bounds?: readonly [number, number]
  /** Of convolutions, where the adapter knows it. */
  readonly window?: Window
  /** Of recurrent layers, where the adapter knows it. */
  readonly recurrence?: Recurrence
  /** True when the node only moves data, so that its output is on the grid of its input. */
  readonly preserving?: boolean
  /** Values of this graph that the node's own subgraphs (control flow) read without naming them as inputs. */
  readonly captures?: readonly ValueId[]
  /** The grid of a `fakeQuantize` node. */
  readonly grid?: Grid
}

export interface Value {
  readonly id: ValueId
  readonly dtype: DType
  /** Undefined: unknown rank. */
  readonly shape?: readonly Dim[]
  /** Set for constants. Fake-quantized constants keep float values, already on their grid. */
  readonly tensor?: Tensor
  /** Set when `tensor` lies on this grid and shall be stored so. */
  readonly stored?: Grid
}

/** A graph is plain readonly data; nodes stand in topological order. Every value that is mentioned is in `values`. */
export interface Graph {
  readonly name: string
  readonly inputs: readonly ValueId[]
  readonly outputs: readonly ValueId[]
  readonly nodes: readonly Node[]
  readonly values: ReadonlyMap<ValueId, Value>
  /** The adapter's own notes (opset imports, functions, metadata ...): carried along, never looked into. */
  readonly meta: Readonly<Record<string, unknown>>
}
