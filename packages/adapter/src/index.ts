export type { Adapter, Capabilities, CompileOptions, Session, SquaredError } from './adapter.ts'
export { withSession } from './with-session.ts'
