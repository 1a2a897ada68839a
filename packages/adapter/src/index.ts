export type { Adapter, Capabilities, CompileOptions, Session, SquaredError, TransferBytes } from './adapter.ts'
export { withSession } from './with-session.ts'
