export type { Adapter, Capabilities, CompileOptions, Session } from './adapter.ts'
export { withSession } from './with-session.ts'
