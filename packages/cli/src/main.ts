import { CommanderError } from 'commander'
import { exitCodeOf, exitCodes } from './exit-codes.ts'
import { type Io, nodeIo } from './io.ts'
import { MixbitError } from './mixbit.ts'
import { program } from './program.ts'
import type { Run } from './run.ts'

/**
 * One run of the command line.
 * @param argv the arguments after the program's name, such as `['inspect', 'model.onnx']`.
 * @param io where results, progress and interrupts go; default: this process.
 * @returns the exit code; nothing is thrown, errors are printed on stderr.
 */
export async function main(argv: readonly string[], io: Io = nodeIo()): Promise<number> {
  const abort = new AbortController()
  const run: Run = { io, signal: abort.signal, cleanups: new Set() }
  const stopListening = io.onInterrupt(() => interrupt(run, abort))
  try {
    await program(run).parseAsync(argv as string[], { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
    return fail(run, error, argv.includes('--debug'))
  } finally {
    stopListening()
  }
}

/** The first Ctrl-C asks; the second does not wait for the answer, but leaves no half-written file. */
function interrupt({ io, cleanups }: Run, abort: AbortController): void {
  if (!abort.signal.aborted) {
    abort.abort()
    io.stderr('\nstopping at the next step (Ctrl-C again: at once)\n')
    return
  }
  for (const cleanup of cleanups) {
    try {
      cleanup()
    } catch {}
  }
  io.exit(exitCodes.aborted)
}

function fail({ io, signal }: Run, thrown: unknown, debug: boolean): number {
  const error = signal.aborted ? aborted(thrown) : thrown instanceof CommanderError ? usage(thrown) : thrown
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const known = error instanceof MixbitError
  io.stderr(`error [${known ? error.code : 'UNEXPECTED'}] ${message}\n`)
  const hint = known ? error.hint : 'This is a fault of mixbit: please report it, with the output of --debug.'
  if (hint) io.stderr(`hint: ${hint}\n`)
  if (debug) io.stderr(`${stack}\n${known && error.cause instanceof Error ? `caused by: ${error.cause.stack}\n` : ''}`)
  return exitCodeOf(error)
}

const aborted = (cause: unknown) =>
  new MixbitError('ABORTED', 'The run was interrupted; no output was written.', {
    hint: 'Run the same command again: quantize goes on where its sweep stopped.',
    cause,
  })

/** commander prefixes its messages itself and adds `(Did you mean ...?)` on a line of its own. */
function usage(error: CommanderError): MixbitError {
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  return new MixbitError('USAGE', `${message.charAt(0).toUpperCase()}${message.slice(1)}.`, {
    hint: suggestion?.replace(/[()]/g, '') || 'See mixbit --help, or mixbit <command> --help.',
    cause: error,
  })
}
