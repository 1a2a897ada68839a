import { sizeOf } from '@mixbit/graph'
import type { Choice, Item } from '@mixbit/solver'

/** Bit operations of a layer: macs x bits of the activation that enters it x bits of its weights. */
export interface BopsBudget {
  readonly limit: number
  /** Per layer: multiply-accumulates for one sample. */
  readonly macs: readonly number[]
  /** Per layer: index of the activation that it reads; null when that is float (32 bits). */
  readonly reads: readonly (number | null)[]
}

const floatBits = 32

/**
 * Multiply-accumulates for one sample: the elements of the weight, once per position of the output. `axis` is that of the
 * output channels in the weight; from 2 on, channels come last, in the output of a convolution too.
 */
export function macsOf(kind: string, weight: readonly number[], output: readonly number[], axis = 0): number {
  const channelsFirst = kind.toLowerCase().includes('conv') && axis < 2
  return sizeOf(weight) * sizeOf(channelsFirst ? output.slice(2) : output.slice(1, -1))
}

/** Items of the solver that stand for several: choice k picks `picks[k][m]` of member m. */
export interface Merged {
  readonly item: Item
  readonly members: readonly number[]
  readonly picks: readonly (readonly number[])[]
}

/** Every item alone. */
export const alone = (items: readonly Item[]): Merged[] =>
  items.map((item, i) => ({ item, members: [i], picks: item.choices.map((_, k) => [k]) }))

/**
 * Bit operations are products, and the solver adds: an activation and the layers that read it become one item, whose choices
 * are all combinations that no other one beats in loss and every cost. The cost in bit operations comes last. Layers
 * are the first items, activations follow.
 */
export function mergeForBops(items: readonly Item[], layers: number, { macs, reads }: BopsBudget): Merged[] {
  const bitsOf = (item: number, k: number) => Number(items[item]!.choices[k]!.label)
  const readers = (activation: number) => reads.flatMap((read, layer) => (read === activation ? [layer] : []))
  const floatLayers = reads.flatMap((read, layer): Merged[] =>
    read === null ? [combine(items, [layer], (_, k) => macs[layer]! * floatBits * bitsOf(layer, k))] : [],
  )
  const stars = items.slice(layers).map((_, a) => {
    const members = [layers + a, ...readers(a)]
    return combine(items, members, (m, k, first) =>
      m === 0 ? 0 : macs[members[m]!]! * bitsOf(members[0]!, first) * bitsOf(members[m]!, k),
    )
  })
  return [...floatLayers, ...stars]
}

interface Combination extends Choice {
  readonly picks: readonly number[]
}

/** `bops(m, k, first)`: what choice k of member m adds when the first member has choice `first`. */
function combine(
  items: readonly Item[],
  members: readonly number[],
  bops: (m: number, k: number, first: number) => number,
): Merged {
  let all: Combination[] = [{ loss: 0, cost: [], picks: [] }]
  for (const [m, member] of members.entries()) {
    const next = all.flatMap((partial) =>
      items[member]!.choices.map(({ loss, cost }, k): Combination => {
        const added = [...cost, bops(m, k, partial.picks[0] ?? k)]
        return {
          loss: partial.loss + loss,
          cost: added.map((c, b) => (partial.cost[b] ?? 0) + c),
          picks: [...partial.picks, k],
        }
      }),
    )
    // Only combinations with the same first member compete: what comes after costs according to it.
    all = next.filter((one) => !next.some((other) => other.picks[0] === one.picks[0] && beats(other, one)))
  }
  return {
    item: {
      id: members.map((member) => items[member]!.id).join(' + '),
      choices: all.map(({ loss, cost }) => ({ loss, cost })),
    },
    members,
    picks: all.map(({ picks }) => picks),
  }
}

/** Nowhere worse, and somewhere better or earlier. */
function beats(a: Combination, b: Combination): boolean {
  if (a === b || a.loss > b.loss || a.cost.some((c, i) => c > b.cost[i]!)) return false
  return a.loss < b.loss || a.cost.some((c, i) => c < b.cost[i]!) || a.picks.join() < b.picks.join()
}

/** Bit operations of a choice. */
export const bopsOf = (
  { macs, reads }: Omit<BopsBudget, 'limit'>,
  weightBits: readonly number[],
  activationBits: readonly number[],
): number =>
  macs.reduce(
    (sum, count, i) => sum + count * weightBits[i]! * (reads[i] === null ? floatBits : activationBits[reads[i]!]!),
    0,
  )
