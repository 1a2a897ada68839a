import type { Session } from '@mixbit/adapter'
import { type Tensor, toF32 } from '@mixbit/graph'
import type { LoadedData } from './desk.ts'
import type { Hands } from './serve.ts'

/** Share of the labelled samples whose largest output is at the label's place; progress says `message`. */
export async function accuracyOf(session: Session, { feeds, labels }: LoadedData, message: string, hands: Hands) {
  let right = 0
  for (const [i, feed] of feeds.entries()) {
    hands.signal.throwIfAborted()
    const outputs = await session.run(feed)
    if (bestOf([...outputs.values()][0]!) === labels![i]) right++
    hands.onProgress({ stage: 'artifact', done: i + 1, total: feeds.length, message })
    // The runtime blocks: messages (to cancel) have their turn.
    if (i % 16 === 15) await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return right / feeds.length
}

function bestOf(tensor: Tensor): number {
  const values = toF32(tensor)
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
