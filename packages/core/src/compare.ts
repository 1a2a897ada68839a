import type { Session } from '@mixbit/adapter'
import type { Tensor, Tensors, ValueId } from '@mixbit/graph'
import { toF32 } from '@mixbit/graph'
import { breathe, checkAborted, type Report } from './progress.ts'

/** How close one output of two models is over some samples. */
export interface OutputDistance {
  readonly output: ValueId
  /** Signal to quantization noise, 10 log10(sum f^2 / sum (f - q)^2), in dB; 200 when nothing differs. */
  readonly sqnr: number
  /** Cosine of the angle between all values of both, in [-1, 1]. */
  readonly cosine: number
  /** Mean squared error. */
  readonly mse: number
  /** Share of rows (last axis) whose largest element is at the same place, in [0, 1]; null for outputs without rows. */
  readonly top1Agreement: number | null
}

interface Sums {
  signal: number
  noise: number
  dot: number
  other: number
  count: number
  rows: number
  agreed: number
}

/** Runs both sessions over the samples and compares every output. */
export async function compareSessions(
  reference: Session,
  other: Session,
  samples: readonly Tensors[],
  outputs: readonly ValueId[],
  report: Report = {},
): Promise<OutputDistance[]> {
  const sums = new Map<ValueId, Sums>(
    outputs.map((id) => [id, { signal: 0, noise: 0, dot: 0, other: 0, count: 0, rows: 0, agreed: 0 }]),
  )
  for (const sample of samples) {
    checkAborted(report.signal)
    const [expected, actual] = [await reference.run(sample), await other.run(sample)]
    for (const id of outputs)
      addSample(sums.get(id)!, numbers(expected.get(id)!), numbers(actual.get(id)!), expected.get(id)!.shape)
    await breathe()
  }
  return [...sums].map(([output, s]) => ({
    output,
    sqnr: s.noise === 0 ? 200 : Math.min(200, 10 * Math.log10(s.signal / s.noise)),
    cosine: s.signal === 0 && s.other === 0 ? 1 : s.dot / (Math.sqrt(s.signal * s.other) || 1),
    mse: s.noise / Math.max(1, s.count),
    top1Agreement: s.rows === 0 ? null : s.agreed / s.rows,
  }))
}

/** The elements of any numeric tensor as numbers. */
const numbers = (tensor: Tensor): ArrayLike<number> =>
  /^(f|bf)/.test(tensor.dtype) ? toF32(tensor) : Array.from(tensor.data as ArrayLike<number | bigint>, Number)

function addSample(sums: Sums, expected: ArrayLike<number>, actual: ArrayLike<number>, shape: readonly number[]) {
  sums.count += expected.length
  for (let i = 0; i < expected.length; i++) {
    const [f, q] = [expected[i]!, actual[i]!]
    if (Object.is(f, q)) {
      if (!Number.isFinite(f)) continue
    }
    sums.signal += f * f
    sums.noise += (f - q) ** 2
    sums.dot += f * q
    sums.other += q * q
  }
  const width = rowWidth(shape)
  if (width < 2) return
  for (let start = 0; start < expected.length; start += width) {
    sums.rows++
    if (argmax(expected, start, width) === argmax(actual, start, width)) sums.agreed++
  }
}

/** Elements of one row: the last axis, with trailing axes of one element left out ([1, 1000, 1, 1] has rows of 1000). */
function rowWidth(shape: readonly number[]): number {
  const last = shape.findLastIndex((n) => n !== 1)
  return last < 0 ? 1 : shape[last]!
}

function argmax(values: ArrayLike<number>, start: number, length: number): number {
  let best = start
  for (let i = start + 1; i < start + length; i++) if (values[i]! > values[best]!) best = i
  return best - start
}
