import { type LayoutNetwork, layoutNetwork, type NetworkLayout } from './layout-network.ts'

/** Lays networks out in a worker, so that the page stays awake; here, where a worker cannot start. */
export function layoutIn(start: () => Worker): LayoutNetwork {
  let worker: Worker | null = null
  let last = 0
  const waiting = new Map<number, { resolve: (layout: NetworkLayout) => void; here: () => void }>()
  const open = () => {
    const opened = start()
    opened.onmessage = ({ data }: MessageEvent<{ id: number; layout: NetworkLayout }>) => {
      waiting.get(data.id)?.resolve(data.layout)
      waiting.delete(data.id)
    }
    opened.onerror = () => {
      for (const { here } of waiting.values()) here()
      waiting.clear()
      worker = null
    }
    return opened
  }
  return (nodes) =>
    new Promise((resolve) => {
      const here = () => resolve(layoutNetwork(nodes))
      const id = ++last
      waiting.set(id, { resolve, here })
      try {
        worker ??= open()
        worker.postMessage({ id, nodes: nodes.map(({ id, inputs }) => ({ id, inputs })) })
      } catch {
        waiting.delete(id)
        here()
      }
    })
}
