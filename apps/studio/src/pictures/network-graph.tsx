import { ReactFlowProvider } from '@xyflow/react'
import { useEffect, useMemo, useState } from 'react'
import { collapse } from '../layout/collapse.ts'
import { type LayoutNetwork, layoutNetwork, type NetworkLayout } from '../layout/layout-network.ts'
import { BitsLegend } from './bits.tsx'
import { bitsText, count } from './format.ts'
import type { GraphNode } from './graph-node.ts'
import { NetworkFlow } from './network-flow.tsx'
import { Picture } from './picture.tsx'

export interface NetworkGraphProps {
  /** In topological order. */
  readonly nodes: readonly GraphNode[]
  readonly bits: readonly number[]
  readonly activationBits?: readonly number[]
  /** Nodes right before an output with too few bits. */
  readonly starved?: readonly string[]
  readonly picked?: string | null
  readonly onPick?: (id: string) => void
  /** Default: in this thread, after the first paint. The app and the report hand in one that uses a worker. */
  readonly layout?: LayoutNetwork
  /** Whether nodes without quantized weights are left out at first. Default: from 120 nodes on. */
  readonly collapsed?: boolean
}

const soon: LayoutNetwork = (nodes) => new Promise((resolve) => setTimeout(() => resolve(layoutNetwork(nodes))))

/** The network as a graph, coloured by bit-width: zoom, pan, search, and arrow keys from node to node. */
export function NetworkGraph(props: NetworkGraphProps) {
  const { nodes, bits, activationBits = [], layout = soon } = props
  const [collapsed, setCollapsed] = useState(props.collapsed ?? nodes.length > 120)
  const shown = useMemo(() => (collapsed ? collapse(nodes, ({ layer }) => layer !== null) : nodes), [nodes, collapsed])
  const placed = useLayout(shown, layout)
  const plain = nodes.filter(({ layer }) => layer === null).length
  return (
    <Picture
      summary={graphSummary(props)}
      table={() => ({
        columns: ['node', 'operator', 'weights', 'output', 'reads'].map((name) => ({ name })),
        rows: nodes.map(({ id, op, layer, activation, inputs }) => [
          id,
          op,
          layer === null ? '–' : bitsText(bits[layer]),
          activation === null ? '–' : bitsText(activationBits[activation]),
          inputs.join(', ') || 'the input',
        ]),
      })}
    >
      <ReactFlowProvider>
        <NetworkFlow {...props} shown={shown} placed={placed}>
          {plain > 0 && plain < nodes.length && (
            <label className="pic-check">
              <input type="checkbox" checked={collapsed} onChange={(event) => setCollapsed(event.target.checked)} />
              only weights and joins
            </label>
          )}
        </NetworkFlow>
      </ReactFlowProvider>
      <BitsLegend bits={[...bits, ...activationBits]} />
    </Picture>
  )
}

/** The layout of what is shown; null while it is made. */
function useLayout(nodes: readonly GraphNode[], layout: LayoutNetwork): NetworkLayout | null {
  const [made, setMade] = useState<{ nodes: readonly GraphNode[]; layout: NetworkLayout } | null>(null)
  useEffect(() => {
    let stale = false
    layout(nodes).then((done) => {
      if (!stale) setMade({ nodes, layout: done })
    })
    return () => {
      stale = true
    }
  }, [nodes, layout])
  return made?.nodes === nodes ? made.layout : null
}

/** How many nodes there are, how many have weights, and their widths. */
export function graphSummary({ nodes, bits, starved = [] }: NetworkGraphProps): string {
  const layers = nodes.filter(({ layer }) => layer !== null).length
  const [least, most] = [Math.min(...bits), Math.max(...bits)]
  const range = bits.length === 0 ? '' : least === most ? ` of ${bitsText(least)}` : ` of ${least} to ${bitsText(most)}`
  const end = starved.length === 0 ? '' : ` Starved before an output: ${starved.join(', ')}.`
  return `${count(nodes.length, 'node')}, ${layers} with quantized weights${range}.${end}`
}
