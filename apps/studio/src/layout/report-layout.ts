import { layoutIn } from './in-worker.ts'
import LayoutWorker from './layout.worker.ts?worker&inline'

/** The layout in a worker whose code lies in the page: a report is one file. */
export const reportLayout = layoutIn(() => new LayoutWorker())
