import { type LayoutNode, layoutNetwork } from './layout-network.ts'

self.onmessage = ({ data }: MessageEvent<{ id: number; nodes: readonly LayoutNode[] }>) => {
  self.postMessage({ id: data.id, layout: layoutNetwork(data.nodes) })
}
