import { Handle, type Node, type NodeProps, Position } from '@xyflow/react'
import { memo } from 'react'
import { BitsChip, bitsColor } from './bits.tsx'

export interface NetworkNodeData extends Record<string, unknown> {
  /** Short. */
  readonly name: string
  readonly op: string
  /** Of its weights; undefined: it has none that are quantized. */
  readonly bits?: number | undefined
  /** Of its output; undefined: float. */
  readonly activationBits?: number | undefined
  readonly starved: boolean
  readonly active: boolean
  readonly picked: boolean
}

export type NetworkFlowNode = Node<NetworkNodeData, 'network'>

/** One node of the network: its name, its operator, and its bits as colour and number. */
export const NetworkNodeView = memo(({ data }: NodeProps<NetworkFlowNode>) => {
  const { name, op, bits, activationBits, starved, active, picked } = data
  const state = `${bits === undefined ? ' pic-node-plain' : ''}${active ? ' pic-node-active' : ''}${picked ? ' pic-node-picked' : ''}${starved ? ' pic-node-starved' : ''}`
  return (
    <div
      className={`pic-node${state}`}
      style={bits === undefined ? undefined : { borderInlineStartColor: bitsColor(bits) }}
    >
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <span className="pic-node-name">{name}</span>
      <span className="pic-node-line">
        <span className="pic-node-op">{op}</span>
        {starved && <span className="pic-starved-mark">!</span>}
        {activationBits !== undefined && (
          <span className="pic-node-activation" title="bits of its output">
            a<BitsChip bits={activationBits} what="output" />
          </span>
        )}
        {bits !== undefined && <BitsChip bits={bits} what="weights" />}
      </span>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  )
})
