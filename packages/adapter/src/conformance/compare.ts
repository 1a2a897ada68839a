import { MixbitError, sizeOf, type Tensor, type Tensors, toF32, type Value } from '@mixbit/graph'

/** The plain throw of the suite. @throws MixbitError `ADAPTER_CONFORMANCE` unless `condition`. */
export function check(condition: unknown, problem: string, context: Record<string, unknown> = {}): asserts condition {
  if (condition) return
  throw new MixbitError('ADAPTER_CONFORMANCE', problem, {
    hint: 'Repair the adapter: see the contract in adapter.ts.',
    context,
  })
}

/** One output, which must be there. */
export function outputOf(outputs: Tensors, id: string): Tensor {
  const tensor = outputs.get(id)
  check(
    tensor,
    `run did not return the output %${id}; it returned ${[...outputs.keys()].map((key) => `%${key}`).join(', ') || 'nothing'}.`,
  )
  return tensor
}

/** Checks that a tensor is what its value declares, and holds as many elements as its shape says. */
export function checkDeclared(value: Value, { dtype, shape, data }: Tensor): void {
  check(dtype === value.dtype, `Output %${value.id} is ${dtype}, but the graph declares ${value.dtype}.`)
  const fits =
    !value.shape ||
    (value.shape.length === shape.length && value.shape.every((dim, i) => typeof dim === 'string' || dim === shape[i]))
  check(fits, `Output %${value.id} has shape [${shape}], but the graph declares [${value.shape}].`)
  const packed = { i4: 2, u4: 2, i2: 4, u2: 4 }[dtype as string] ?? 1
  check(
    data.length === Math.ceil(sizeOf(shape) / packed),
    `Output %${value.id} of shape [${shape}] holds ${data.length} elements.`,
  )
}

const isFloat = ({ dtype }: Tensor) => ['f32', 'f16', 'bf16', 'f64'].includes(dtype)

/** Checks that two runs gave the same bits. */
export function checkIdentical(a: Tensors, b: Tensors, ids: Iterable<string>, what: string): void {
  for (const id of ids) {
    const [one, two] = [outputOf(a, id), outputOf(b, id)]
    check(
      one.dtype === two.dtype && String(one.shape) === String(two.shape),
      `${what}: %${id} is ${one.dtype}[${one.shape}] and ${two.dtype}[${two.shape}].`,
    )
    const differing = firstDifference(one, two)
    check(
      differing < 0,
      `${what}: %${id} differs at element ${differing}: ${one.data[differing]} and ${two.data[differing]}.`,
    )
  }
}

function firstDifference(a: Tensor, b: Tensor): number {
  if (a.data.length !== b.data.length) return Math.min(a.data.length, b.data.length)
  for (let i = 0; i < a.data.length; i++) if (!Object.is(a.data[i], b.data[i])) return i
  return -1
}

/** Signal to quantization noise in dB: 10 log10(sum a^2 / sum (a - b)^2); infinite when equal, -infinite when b is not finite. */
export function sqnr(a: Tensor, b: Tensor): number {
  const [signal, other] = [toF32(a), toF32(b)]
  let power = 0
  let noise = 0
  for (const [i, x] of signal.entries()) {
    // Equal infinities, and NaN on both sides, are no noise.
    if (!Object.is(x, other[i])) noise += (x - other[i]!) ** 2
  }
  for (const x of signal) if (Number.isFinite(x)) power += x * x
  if (noise === 0) return Infinity
  const ratio = 10 * Math.log10(power / noise)
  return Number.isNaN(ratio) ? -Infinity : ratio
}

/** Checks that float outputs agree within so many dB, and all others exactly (or not at all, with `floatsOnly`). */
export function checkClose(
  a: Tensors,
  b: Tensors,
  ids: Iterable<string>,
  dB: number,
  what: string,
  floatsOnly = false,
): void {
  for (const id of ids) {
    const [one, two] = [outputOf(a, id), outputOf(b, id)]
    if (!isFloat(one)) {
      if (!floatsOnly) checkIdentical(a, b, [id], what)
      continue
    }
    check(
      one.dtype === two.dtype && String(one.shape) === String(two.shape),
      `${what}: %${id} is ${one.dtype}[${one.shape}] and ${two.dtype}[${two.shape}].`,
    )
    const ratio = sqnr(one, two)
    check(ratio >= dB, `${what}: %${id} agrees to ${ratio.toFixed(1)} dB only; at least ${dB} dB are needed.`, {
      id,
      ratio,
    })
  }
}
