import type { Dim, DType, Graph, Tensor, Tensors } from '@mixbit/graph'

/** One input of the model, as data must fit it. */
export interface InputSpec {
  readonly name: string
  readonly dtype: DType
  /** Undefined: unknown rank. A string is a dynamic extent. */
  readonly shape: readonly Dim[] | undefined
}

/** One sample as a reader found it: tensors by input name; the name `''` stands for the model's only open input. */
export interface Found {
  readonly name: string
  readonly tensors: ReadonlyMap<string, Tensor>
}

/** What a reader gives: either samples one by one, or tensors that hold all samples along axis 0. */
export type Read = { readonly samples: readonly Found[] } | { readonly stacked: ReadonlyMap<string, Tensor> }

/** Samples that fit the model: one feed map each, with a batch of 1. */
export interface Inputs {
  readonly names: readonly string[]
  readonly feeds: readonly Tensors[]
  readonly warnings: readonly string[]
}

/** How data is read; every field is a flag of the command line. */
export interface InputOptions {
  /** At most so many samples; default: all (images and random: 64). */
  readonly samples?: number
  readonly seed?: number
  /** Extents for dynamic dimensions, by input name (`''`: the first input). */
  readonly inputShapes?: ReadonlyMap<string, readonly number[]>
  /** Constant inputs: `zeros`, `ones`, a number, or numbers with commas. */
  readonly set?: ReadonlyMap<string, string>
  /** Integers of random inputs, both ends included. */
  readonly inputRange?: readonly [number, number]
  /** Element type of a raw binary file. */
  readonly dtype?: DType
  /** Shape of one sample in a raw binary file. */
  readonly shape?: readonly number[]
  /** Bytes to pass over at the start of every record of a raw binary file. */
  readonly recordSkip?: number
  /** How pictures become tensors. */
  readonly image?: ImageFlags
}

/** Flags that describe pictures; each overrides the preset. */
export interface ImageFlags {
  readonly preset?: string
  /** Short side after resizing, in pixels. */
  readonly resize?: number
  /** Side or `[height, width]` of the centre crop, in pixels; default: the model's input size. */
  readonly crop?: readonly number[]
  /** Subtracted per channel, after `scale`. */
  readonly mean?: readonly number[]
  /** Divided by, per channel, after `mean`. */
  readonly std?: readonly number[]
  /** Multiplies the pixel values 0..255 first. */
  readonly scale?: number
  readonly layout?: 'nchw' | 'nhwc'
  readonly channels?: 'rgb' | 'bgr' | 'gray'
}

/** The inputs of a graph that must be fed. */
export function inputSpecs(graph: Graph): InputSpec[] {
  return graph.inputs.map((id) => {
    const value = graph.values.get(id)
    return { name: id, dtype: value?.dtype ?? 'f32', shape: value?.shape }
  })
}
