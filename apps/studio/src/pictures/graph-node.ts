/** A node of the network: those of a run record, or as many of their fields. */
export interface GraphNode {
  readonly id: string
  readonly op: string
  readonly inputs: readonly string[]
  /** Index into `bits`; null: no quantized weights. */
  readonly layer: number | null
  /** Index into `activationBits`; null: no quantizer behind it. */
  readonly activation: number | null
}
