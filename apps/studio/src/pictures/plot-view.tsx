import * as Plot from '@observablehq/plot'
import { useEffect, useRef, useState } from 'react'

export interface PlotViewProps {
  /** The plot at a width in pixels; keep it stable (useCallback), since a new one is drawn anew. */
  readonly plot: (width: number) => Plot.PlotOptions
  /** What a screen reader reads. */
  readonly label: string
  /** Called with the datum under a click. */
  readonly onPick?: (datum: unknown) => void
}

/** Below this width a plot scrolls in its box. */
const leastWidth = 260

/** A plot of Observable Plot, as wide as its box. */
export function PlotView({ plot, label, onPick }: PlotViewProps) {
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  useEffect(() => {
    if (width === 0) return
    const figure = Plot.plot({ ...plot(Math.max(leastWidth, width)), style: { fontSize: '12px', background: 'none' } })
    // Its rules are in pictures.css: a strict content security policy refuses a style element.
    for (const style of figure.querySelectorAll('style')) style.remove()
    // It is one image to a screen reader: its marks have no labels of their own.
    for (const mark of figure.querySelectorAll('g[aria-label]')) mark.removeAttribute('aria-label')
    figure.setAttribute('role', 'img')
    figure.setAttribute('aria-label', label)
    const pick = () => {
      const datum: unknown = (figure as { value?: unknown }).value
      if (datum) onPick?.(datum)
    }
    figure.addEventListener('click', pick)
    box.current?.replaceChildren(figure)
    return () => figure.remove()
  }, [plot, width, label, onPick])
  return <div ref={box} className={`pic-plot${onPick ? ' pic-pickable' : ''}`} />
}

/** Width of an element in whole pixels; 0 before it is known. */
function useWidth(element: React.RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    if (!element.current) return
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)))
    observer.observe(element.current)
    return () => observer.disconnect()
  }, [element])
  return width
}
