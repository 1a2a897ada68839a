import { Children, type ReactNode, useEffect, useState } from 'react'

/** Mounts its children one after the other, each in a task of its own, so that many pictures never block the page for long. */
export function OneByOne({ children }: { children: ReactNode }) {
  const all = Children.toArray(children)
  const [shown, setShown] = useState(1)
  useEffect(() => {
    if (shown >= all.length) return
    const timer = setTimeout(() => setShown((count) => count + 1), 16)
    return () => clearTimeout(timer)
  }, [shown, all.length])
  return all.slice(0, shown)
}
