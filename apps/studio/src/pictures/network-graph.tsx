import '@xyflow/react/dist/base.css'
import { Background, Controls, MiniMap, ReactFlow, ReactFlowProvider, useReactFlow } from '@xyflow/react'
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react'
import { collapse } from '../layout/collapse.ts'
import { type LayoutNetwork, layoutNetwork, type NetworkLayout, nodeSize } from '../layout/layout-network.ts'
import { type Direction, neighbour } from '../layout/neighbour.ts'
import { BitsLegend, bitsColor } from './bits.tsx'
import { bitsText, count } from './format.ts'
import { shortNames } from './names.ts'
import { NetworkEdgeView, type NetworkFlowEdge } from './network-edge.tsx'
import { type NetworkFlowNode, NetworkNodeView } from './network-node.tsx'
import { Picture } from './picture.tsx'

/** A node of the network: those of a run record, or as many of their fields. */
export interface GraphNode {
  readonly id: string
  readonly op: string
  readonly inputs: readonly string[]
  /** Index into `bits`; null: no quantized weights. */
  readonly layer: number | null
  /** Index into `activationBits`; null: no quantizer behind it. */
  readonly activation: number | null
}

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
const nodeTypes = { network: NetworkNodeView }
const edgeTypes = { network: NetworkEdgeView }

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
        <Flow {...props} shown={shown} placed={placed}>
          {plain > 0 && plain < nodes.length && (
            <label className="pic-check">
              <input type="checkbox" checked={collapsed} onChange={(event) => setCollapsed(event.target.checked)} />
              only weights and joins
            </label>
          )}
        </Flow>
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

interface FlowProps extends NetworkGraphProps {
  readonly shown: readonly GraphNode[]
  readonly placed: NetworkLayout | null
  readonly children: React.ReactNode
}

const arrows: Readonly<Record<string, Direction>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
}

function Flow({ shown, placed, bits, activationBits = [], starved = [], picked = null, onPick, children }: FlowProps) {
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
        <Search nodes={shown} onFind={goTo} />
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
            {shown.length > 12 && (
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

interface Look {
  readonly bits: readonly number[]
  readonly activationBits: readonly number[]
  readonly starved: readonly string[]
  readonly picked: string | null
  readonly active: string | null
}

/** Nodes as the graph view takes them; an unchanged one stays the same object, so that it is not drawn anew. */
function useFlowNodes(shown: readonly GraphNode[], placed: NetworkLayout | null, look: Look): NetworkFlowNode[] {
  const [kept] = useState(() => new Map<string, NetworkFlowNode>())
  const names = useMemo(() => shortNames(shown.map(({ id }) => id)), [shown])
  const { bits, activationBits, starved, picked, active } = look
  return useMemo(() => {
    if (!placed) return []
    const ends = new Set(starved)
    return placed.nodes.map(({ id, x, y }, i) => {
      const { op, layer, activation } = shown[i]!
      const data = {
        name: names[i]!,
        op,
        bits: layer === null ? undefined : bits[layer],
        activationBits: activation === null ? undefined : activationBits[activation],
        starved: ends.has(id),
        active: id === active,
        picked: id === picked,
      }
      const before = kept.get(id)
      const same =
        before &&
        before.position.x === x &&
        before.position.y === y &&
        Object.entries(data).every(([key, value]) => before.data[key] === value)
      const node: NetworkFlowNode = same ? before : { id, type: 'network', position: { x, y }, ...nodeSize, data }
      kept.set(id, node)
      return node
    })
  }, [shown, placed, names, bits, activationBits, starved, picked, active, kept])
}

/** Finds nodes by a part of their name or operator; Enter goes to the next one. */
function Search({ nodes, onFind }: { readonly nodes: readonly GraphNode[]; readonly onFind: (id: string) => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(-1)
  const id = useId()
  const found = useMemo(() => findNodes(nodes, text), [nodes, text])
  const go = (next: number) => {
    setAt(next)
    if (found[next]) onFind(found[next])
  }
  return (
    <form
      className="pic-search"
      onSubmit={(event) => {
        event.preventDefault()
        if (found.length > 0) go((at + 1) % found.length)
      }}
    >
      <label htmlFor={id} className="visually-hidden">
        Find a node
      </label>
      <input
        id={id}
        type="search"
        placeholder="Find a node"
        value={text}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value)
          setAt(-1)
        }}
      />
      <button type="submit" disabled={found.length === 0}>
        Go to
      </button>
      <output>{text === '' ? '' : at < 0 ? `${found.length} found` : `${at + 1} of ${found.length}`}</output>
    </form>
  )
}

/** Ids of the nodes whose name or operator contains the text, whatever its case; none for no text. */
export function findNodes(nodes: readonly Pick<GraphNode, 'id' | 'op'>[], text: string): string[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return []
  return nodes.filter(({ id, op }) => `${id}\n${op}`.toLowerCase().includes(wanted)).map(({ id }) => id)
}

/** How many nodes there are, how many have weights, and their widths. */
export function graphSummary({ nodes, bits, starved = [] }: NetworkGraphProps): string {
  const layers = nodes.filter(({ layer }) => layer !== null).length
  const [least, most] = [Math.min(...bits), Math.max(...bits)]
  const range = bits.length === 0 ? '' : least === most ? ` of ${bitsText(least)}` : ` of ${least} to ${bitsText(most)}`
  const end = starved.length === 0 ? '' : ` Starved before an output: ${starved.join(', ')}.`
  return `${count(nodes.length, 'node')}, ${layers} with quantized weights${range}.${end}`
}
