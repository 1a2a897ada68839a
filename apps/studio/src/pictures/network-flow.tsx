import '@xyflow/react/dist/base.css'
import { Background, Controls, MiniMap, ReactFlow, useReactFlow } from '@xyflow/react'
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { type NetworkLayout, nodeSize } from '../layout/layout-network.ts'
import { type Direction, neighbour } from '../layout/neighbour.ts'
import { bitsColor } from './bits.tsx'
import { useFlowNodes } from './flow-nodes.ts'
import { bitsText, count } from './format.ts'
import type { GraphNode } from './graph-node.ts'
import { NetworkEdgeView, type NetworkFlowEdge } from './network-edge.tsx'
import { type NetworkFlowNode, NetworkNodeView } from './network-node.tsx'
import { NetworkSearch } from './network-search.tsx'

/** One array for all renders, so that nothing seems to change. */
const none: readonly never[] = []
const nodeTypes = { network: NetworkNodeView }
const edgeTypes = { network: NetworkEdgeView }

export interface NetworkFlowProps {
  readonly bits: readonly number[]
  readonly activationBits?: readonly number[] | undefined
  readonly starved?: readonly string[] | undefined
  readonly picked?: string | null | undefined
  readonly onPick?: ((id: string) => void) | undefined
  readonly shown: readonly GraphNode[]
  readonly placed: NetworkLayout | null
  readonly children: ReactNode
}

const arrows: Readonly<Record<string, Direction>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
}

/** The view of a network that is laid out, with its search and its keys. */
export function NetworkFlow({
  shown,
  placed,
  bits,
  activationBits = none,
  starved = none,
  picked = null,
  onPick,
  children,
}: NetworkFlowProps) {
  const flow = useReactFlow<NetworkFlowNode, NetworkFlowEdge>()
  const [active, setActive] = useState<string | null>(null)
  const [spoken, setSpoken] = useState('')
  const box = useRef<HTMLDivElement>(null)
  const flowNodes = useFlowNodes(shown, placed, { bits, activationBits, starved, picked, active })
  const flowEdges = useMemo(
    () =>
      (placed?.edges ?? []).map(
        ({ from, to, points }): NetworkFlowEdge => ({
          id: `${from}\n${to}`,
          source: from,
          target: to,
          type: 'network',
          data: { points },
        }),
      ),
    [placed],
  )
  const describe = (id: string) => {
    const at = shown.findIndex((node) => node.id === id)
    const { op, layer, activation } = shown[at]!
    const width = layer === null ? 'no quantized weights' : `weights ${bitsText(bits[layer])}`
    const output = activation === null ? '' : `, output ${bitsText(activationBits[activation])}`
    return `${id}, ${op}, ${width}${output}${starved.includes(id) ? ', starved' : ''}; ${at + 1} of ${shown.length}`
  }
  const goTo = (id: string) => {
    const place = placed?.nodes.find((node) => node.id === id)
    if (!place) return
    setActive(id)
    setSpoken(describe(id))
    const zoom = Math.max(0.8, flow.getZoom())
    flow.setCenter(place.x + nodeSize.width / 2, place.y + nodeSize.height / 2, { zoom, duration: motion(150) })
  }
  // What was chosen elsewhere comes into view; what was chosen here is there already.
  const own = useRef(picked)
  useEffect(() => {
    if (picked === own.current) return
    own.current = picked
    const place = placed?.nodes.find(({ id }) => id === picked)
    if (!place) return
    setActive(picked)
    flow.setCenter(place.x + nodeSize.width / 2, place.y + nodeSize.height / 2, {
      zoom: flow.getZoom(),
      duration: motion(200),
    })
  }, [picked, placed, flow])
  const pick = (id: string) => {
    own.current = id
    setActive(id)
    setSpoken(`${describe(id)}, opened`)
    onPick?.(id)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || !placed || shown.length === 0) return
    const here = active && shown.some(({ id }) => id === active) ? active : null
    const direction = arrows[event.key]
    const wanted = direction
      ? here
        ? neighbour(placed, here, direction)
        : shown[0]!.id
      : event.key === 'Home'
        ? shown[0]!.id
        : event.key === 'End'
          ? shown.at(-1)!.id
          : null
    if (wanted) goTo(wanted)
    else if ((event.key === 'Enter' || event.key === ' ') && here) pick(here)
    else if (event.key === '+') flow.zoomIn({ duration: motion(150) })
    else if (event.key === '-') flow.zoomOut({ duration: motion(150) })
    else if (event.key === '0') flow.fitView({ duration: motion(150) })
    else if (!direction) return
    event.preventDefault()
  }
  return (
    <>
      <div className="pic-controls">
        <NetworkSearch nodes={shown} onFind={goTo} />
        {children}
      </div>
      <div
        ref={box}
        className="pic-graph"
        role="application"
        aria-roledescription="network graph"
        aria-label="Network. Arrow keys go from node to node, Enter opens one, plus and minus zoom, zero fits."
        // biome-ignore lint/a11y/noNoninteractiveTabindex: one stop for the whole graph
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        {placed ? (
          <ReactFlow
            nodes={flowNodes}
            edges={flowEdges}
            nodeTypes={nodeTypes}
            edgeTypes={edgeTypes}
            onlyRenderVisibleElements
            nodesDraggable={false}
            nodesConnectable={false}
            nodesFocusable={false}
            edgesFocusable={false}
            elementsSelectable={false}
            disableKeyboardA11y
            zoomOnScroll={false}
            zoomOnDoubleClick={false}
            preventScrolling={false}
            minZoom={0.02}
            maxZoom={2}
            deleteKeyCode={null}
            selectionKeyCode={null}
            defaultViewport={firstView(placed, box.current, picked)}
            onNodeClick={(_, { id }) => pick(id)}
          >
            <Background gap={22} size={1} />
            <Controls showInteractive={false} />
            {shown.length > 12 && placed.height < 6000 && (
              <MiniMap<NetworkFlowNode>
                pannable
                zoomable
                ariaLabel="Overview"
                style={{ width: 72, height: 150 }}
                nodeColor={({ data }) => (data.bits === undefined ? 'var(--line-strong)' : bitsColor(data.bits))}
              />
            )}
          </ReactFlow>
        ) : (
          <p className="pic-waiting">Laying out {count(shown.length, 'node')} …</p>
        )}
      </div>
      <p className="visually-hidden" aria-live="polite">
        {spoken}
      </p>
    </>
  )
}

const motion = (ms: number) => (matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : ms)

/** Readable at once: the chosen node in the middle, or the start of the network at the top; all of it through the fit button. */
function firstView({ nodes, width }: NetworkLayout, box: HTMLElement | null, picked: string | null) {
  const [room, height] = [box?.clientWidth ?? 600, box?.clientHeight ?? 600]
  const zoom = Math.min(1, Math.max(0.7, room / (width + 40)))
  const at = nodes.find(({ id }) => id === picked)
  const y = at ? Math.min(24, height / 2 - (at.y + nodeSize.height / 2) * zoom) : 24
  const x = width * zoom <= room || !at ? (room - width * zoom) / 2 : room / 2 - (at.x + nodeSize.width / 2) * zoom
  return { x, y, zoom }
}
