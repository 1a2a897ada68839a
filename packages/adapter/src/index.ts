export type { Adapter, Capabilities, CompileOptions, Seeded, Session, SquaredError, TransferBytes } from './adapter.ts'
export { withSession } from './with-session.ts'
