import { MixbitError } from './error.ts'
import type { Graph } from './graph.ts'
import { verify } from './verify.ts'

/** A change of a graph that keeps what it computes. `run` returns a new graph, or the given one when there is nothing to do. */
export interface Pass {
  readonly name: string
  run(graph: Graph): Graph
}

/**
 * Runs passes one after the other and verifies the graph after each.
 * @throws MixbitError `PASS_INVALID` that names the pass whose result is no valid graph; its cause is what `verify` said.
 */
export const rewrite = (graph: Graph, passes: readonly Pass[]): Graph =>
  passes.reduce((before, pass) => {
    const after = pass.run(before)
    try {
      if (after !== before) verify(after)
    } catch (cause) {
      throw new MixbitError('PASS_INVALID', `After the pass '${pass.name}': ${(cause as Error).message}`, {
        hint: `Repair the pass '${pass.name}', or leave it out.`,
        context: { pass: pass.name, ...(cause as MixbitError).context },
        cause,
      })
    }
    return after
  }, graph)
