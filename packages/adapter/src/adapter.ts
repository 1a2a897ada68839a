import type { Graph, Grid, OpKind, Tensor, Tensors, ValueId } from '@mixbit/graph'

/** What a framework can do, as data. */
export interface Capabilities {
  /** Kinds whose weights the adapter can store on a grid. */
  readonly weights: ReadonlySet<OpKind>
  /** Bit-widths of weights that `write` can store. */
  readonly weightBits: readonly number[]
  /** Whether `write` can store weights on grids that have levels (1 to 8 bits). Default false. */
  readonly weightLevels?: boolean
  /** Bit-widths of activations that `write` can put into the file; empty: none. */
  readonly activationBits: readonly number[]
}

/** How much `compile` may take. */
export interface CompileOptions {
  /** Threads of one run; default: the runtime's own choice. */
  readonly threads?: number
}

/** One value of a graph beside a reference, which is a new name. */
export interface SquaredError {
  readonly value: ValueId
  readonly reference: ValueId
}

/** A value of a graph that is multiplied, element by element, with a seed, which is a new name. */
export interface Seeded {
  readonly value: ValueId
  readonly seed: ValueId
}

/** Bytes of an artifact as servers send it; null where the runtime lacks the method. */
export interface TransferBytes {
  readonly gzip: number | null
  readonly brotli: number | null
}

/** A compiled graph. It holds native memory until `dispose` (which may be called twice). */
export interface Session {
  /** Feeds every graph input by id; returns the outputs that `compile` was asked for. */
  run(feeds: Tensors): Promise<Tensors>
  dispose(): Promise<void>
}

/** The boundary with a framework: read, compile, write. No quantization logic lives here. */
export interface Adapter<Source = unknown, Artifact = unknown> {
  readonly name: string
  readonly capabilities: Capabilities
  /** Unknown operators stay as opaque nodes that pass through untouched. */
  read(source: Source): Promise<Graph>
  /**
   * Compiles for exact float execution: `fakeQuantize` nodes and stored constants compute what the IR says, with no
   * integer shortcut. `outputs` may be intermediate values.
   */
  compile(graph: Graph, outputs: readonly ValueId[], options?: CompileOptions): Promise<Session>
  /**
   * The graph with a further output that can be compiled: `output`, f32 of one element per pair, in their order, the sum of
   * (value - reference)^2 over all elements; `reference` is a new f32 graph input of the value's shape. Where the runtime
   * does this faster than it hands values out, sweeps are faster for it; they do without when it is left out.
   */
  squaredErrors?(graph: Graph, pairs: readonly SquaredError[], output: ValueId): Graph
  /**
   * A session that gives the gradient of one number by each of `values` (made by nodes), f32 of their shapes, by their ids. The number is
   * the sum of all elements of value * seed over all of `of`. Fed are the graph's inputs and the seeds, f32 of their values' shapes.
   * `sample`: feeds of the graph from which shapes are learned. Missing from the results is what an operator without a known derivative
   * stands behind. Layers whose gradients are known are rounded with all their output channels in view; without it each channel for itself.
   */
  gradients?(graph: Graph, of: readonly Seeded[], values: readonly ValueId[], sample: Tensors): Promise<Session>
  /** Stores constants that carry a grid on it, and `fakeQuantize` nodes as the format's own. Left out: analysis only. */
  write?(graph: Graph): Promise<Artifact>
  /** Opens what `write` gave, under the runtime's default options, as a user would. */
  open?(artifact: Artifact, options?: CompileOptions): Promise<Session>
  /** Bytes of a written artifact. */
  byteLength?(artifact: Artifact): number
  /** Bytes of a written artifact on the wire, compressed; for formats that are loaded in pages. */
  transferBytes?(artifact: Artifact): Promise<TransferBytes>
  /** Bytes that one constant takes in the artifact when stored on `grid` (null: as it is), scales and helper nodes included. */
  storedBytes?(tensor: Tensor, grid: Grid | null): number
  /** Bytes that these stored constants need once, however many there are (unpacking tables, shapes and the like). */
  sharedBytes?(stored: readonly { readonly tensor: Tensor; readonly grid: Grid }[]): number
}
