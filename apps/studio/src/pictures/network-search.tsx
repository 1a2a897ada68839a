import { useId, useMemo, useState } from 'react'
import type { GraphNode } from './graph-node.ts'

/** Finds nodes by a part of their name or operator; Enter goes to the next one. */
export function NetworkSearch({
  nodes,
  onFind,
}: {
  readonly nodes: readonly GraphNode[]
  readonly onFind: (id: string) => void
}) {
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
