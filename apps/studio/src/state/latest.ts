/**
 * Runs one call at a time; of those that come meanwhile only the last one follows. A slider that moves faster than the solver
 * thus never queues up, and always ends at its last place.
 */
export function latest<Args extends readonly unknown[]>(
  run: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  let current: Promise<void> | null = null
  let next: { args: Args; promise: Promise<void> } | null = null
  const start = (args: Args): Promise<void> => {
    current = run(...args).finally(() => {
      current = null
    })
    return current
  }
  return (...args) => {
    if (!current) return start(args)
    if (next) next.args = args
    else {
      const waiting = { args, promise: Promise.resolve() }
      const follow = () => {
        next = null
        return start(waiting.args)
      }
      waiting.promise = current.then(follow, follow)
      next = waiting
    }
    return next!.promise
  }
}
