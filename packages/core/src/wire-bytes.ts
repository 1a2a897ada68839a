import type { TransferBytes } from '@mixbit/adapter'

/** What a budget on the wire counts: brotli, or gzip where the runtime has no brotli. */
export const wireBytes = (bytes: TransferBytes | null | undefined): number | null =>
  bytes?.brotli ?? bytes?.gzip ?? null
