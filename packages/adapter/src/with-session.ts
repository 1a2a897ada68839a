import type { Graph, ValueId } from '@mixbit/graph'
import type { Adapter, CompileOptions, Session } from './adapter.ts'

/** Lends a session to `use` and disposes of it whatever happens, so that native memory cannot leak. */
export async function withSession<T>(
  adapter: Pick<Adapter, 'compile'>,
  graph: Graph,
  outputs: readonly ValueId[],
  use: (session: Session) => Promise<T>,
  options?: CompileOptions,
): Promise<T> {
  const session = await adapter.compile(graph, outputs, options)
  try {
    return await use(session)
  } finally {
    await session.dispose()
  }
}
