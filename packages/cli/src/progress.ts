import type { ProgressEvent } from '@mixbit/core'
import { duration } from './format.ts'
import type { Io } from './io.ts'

/** Shows progress until `end`. */
export interface Progress {
  readonly on: (event: ProgressEvent) => void
  /** A line of its own, above the bar. */
  readonly note: (text: string) => void
  readonly end: () => void
}

/** One line that redraws itself on a terminal, a few plain lines elsewhere, nothing when `quiet`. */
export function showProgress(io: Pick<Io, 'stderr' | 'isTTY' | 'columns'>, quiet: boolean): Progress {
  if (quiet) return { on: () => {}, note: () => {}, end: () => {} }
  return io.isTTY ? redrawn(io) : plain(io)
}

function redrawn({ stderr, columns }: Pick<Io, 'stderr' | 'columns'>): Progress {
  const clear = '\r\x1b[K'
  return {
    on: (event) => stderr(clear + progressLine(event, columns - 1)),
    note: (text) => stderr(`${clear}${text}\n`),
    end: () => stderr(clear),
  }
}

/** Logs get a line when a stage begins, at every full quarter, and at its end. */
function plain({ stderr }: Pick<Io, 'stderr'>): Progress {
  let shown = ''
  return {
    on: (event) => {
      const key = `${event.stage} ${Math.floor((4 * event.done) / Math.max(1, event.total))}`
      if (key === shown) return
      shown = key
      stderr(`${progressLine(event, 200, 0)}\n`)
    },
    note: (text) => stderr(`${text}\n`),
    end: () => {},
  }
}

/** `sensitivity  ███████░░░  45 %  9/20 conv3  1:20 left`, cut to `width`; `bar` is the length of the bar. */
export function progressLine(event: ProgressEvent, width: number, bar = 20): string {
  const share = event.total > 0 ? Math.min(1, event.done / event.total) : 1
  const full = Math.round(share * bar)
  const parts = [
    event.stage.padEnd(11),
    bar ? '█'.repeat(full) + '░'.repeat(bar - full) : '',
    `${String(Math.round(share * 100)).padStart(3)} %`,
    event.total > 1 ? `${event.done}/${event.total}` : '',
    event.remainingMs === undefined || share === 1 ? '' : `${duration(event.remainingMs)} left`,
    event.message ?? '',
  ]
  return parts.filter(Boolean).join('  ').slice(0, Math.max(10, width))
}
