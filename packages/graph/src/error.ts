/** What a MixbitError carries beside its message. */
export interface MixbitErrorDetails {
  /** What the reader can do about it, as an imperative sentence. */
  readonly hint?: string
  /** The values that the message speaks of, for programs. */
  readonly context?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/**
 * The one error class of Mixbit: a stable `code`, a message with the values, a `hint` that says what to do.
 * `instanceof` goes by name, so that it holds across two installed copies and for `@mixbit/solver`, which imports nothing.
 */
export class MixbitError extends Error {
  override readonly name = 'MixbitError'
  readonly code: string
  readonly hint: string | undefined
  readonly context: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, details: MixbitErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hint = details.hint
    this.context = details.context ?? {}
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return Error[Symbol.hasInstance](value) && (value as Error).name === 'MixbitError' && 'code' in (value as Error)
  }
}
