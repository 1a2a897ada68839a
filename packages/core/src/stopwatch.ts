/** Milliseconds since the last call, by name. */
export function stopwatch() {
  const times: Record<string, number> = {}
  let last = performance.now()
  const lap = (name: string) => {
    const now = performance.now()
    times[name] = now - last
    last = now
  }
  return Object.assign(lap, { times })
}
