import type { Backend, BackendOptions } from './backend.ts'

/** Where a run of the command line writes, and what it hears. Tests hand in their own. */
export interface Io {
  /** Results only. */
  readonly stdout: (text: string) => void
  /** Progress, warnings and errors. */
  readonly stderr: (text: string) => void
  /** True when stderr is a terminal that can redraw a line. */
  readonly isTTY: boolean
  /** Width of that terminal in characters. */
  readonly columns: number
  /** Calls `handler` at every Ctrl-C until the returned function is called. */
  readonly onInterrupt: (handler: () => void) => () => void
  /** Ends the process at once: the answer to a second Ctrl-C. */
  readonly exit: (code: number) => void
  /** Opens an address in a browser; default: this system's own, where there is a screen. */
  readonly open?: (url: string) => void
  /** The engine and the runtime; default: @mixbit/core with the adapter for the model's format, imported when needed. */
  readonly load?: (options: BackendOptions) => Promise<Backend>
}

/** The streams and signals of this process. */
export function nodeIo(): Io {
  // `mixbit inspect model.onnx | head` closes the pipe early: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    isTTY: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 80,
    onInterrupt(handler) {
      process.on('SIGINT', handler)
      return () => void process.off('SIGINT', handler)
    },
    exit: (code) => process.exit(code),
  }
}
