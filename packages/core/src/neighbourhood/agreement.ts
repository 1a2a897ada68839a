/** How well predictions go with what was measured. */
export interface Agreement {
  /** 1 - squared errors of the best straight line over the variance of what was measured; null where that is none. */
  readonly r2: number | null
  /** Rank correlation. */
  readonly spearman: number | null
}

export const agreementOf = (predicted: readonly number[], measured: readonly number[]): Agreement => {
  const correlation = correlationOf(predicted, measured)
  return {
    r2: correlation === null ? null : correlation ** 2,
    spearman: correlationOf(ranks(predicted), ranks(measured)),
  }
}

function correlationOf(a: readonly number[], b: readonly number[]): number | null {
  const mean = (list: readonly number[]) => list.reduce((sum, x) => sum + x, 0) / list.length
  const [ma, mb] = [mean(a), mean(b)]
  const product = (f: (i: number) => number) => a.reduce((sum, _, i) => sum + f(i), 0)
  const [aa, bb] = [product((i) => (a[i]! - ma) ** 2), product((i) => (b[i]! - mb) ** 2)]
  return aa > 0 && bb > 0 ? product((i) => (a[i]! - ma) * (b[i]! - mb)) / Math.sqrt(aa * bb) : null
}

/** Places in ascending order; equal numbers share the mean of theirs. */
function ranks(list: readonly number[]): number[] {
  const sorted = [...list].sort((a, b) => a - b)
  return list.map((x) => (sorted.indexOf(x) + sorted.lastIndexOf(x)) / 2)
}
