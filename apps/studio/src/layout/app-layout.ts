import { layoutIn } from './in-worker.ts'

/** The layout in a worker of the page's own origin. */
export const appLayout = layoutIn(() => new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' }))
