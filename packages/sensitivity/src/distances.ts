/** Distance of one sample: two tensors of the same shape (batch axis included), as flat numbers. Never negative. */
export type Distance = (float: Float32Array, quantized: Float32Array, shape: readonly number[], axis?: number) => number

/** mean((f - q)^2) / (mean(f^2) + 1e-8). */
export const nmse: Distance = (float, quantized) => squaredError(float, quantized) / nmseNorm(float)

/** What NMSE divides the squared error by: n (mean(f^2) + 1e-8). */
export function nmseNorm(float: Float32Array): number {
  const size = Math.max(1, float.length)
  return size * (squaredError(float, new Float32Array(float.length)) / size + 1e-8)
}

/** Sum of (f - q)^2, in four sums side by side, because each step of one would wait for the last. Hot: kept plain. */
function squaredError(f: Float32Array, q: Float32Array): number {
  const size = f.length
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  for (; i + 3 < size; i += 4) {
    const e0 = f[i]! - q[i]!
    const e1 = f[i + 1]! - q[i + 1]!
    const e2 = f[i + 2]! - q[i + 2]!
    const e3 = f[i + 3]! - q[i + 3]!
    a += e0 * e0
    b += e1 * e1
    c += e2 * e2
    d += e3 * e3
  }
  for (; i < size; i++) a += (f[i]! - q[i]!) * (f[i]! - q[i]!)
  return a + b + (c + d)
}

/** mean((f - q)^2). */
export const mse: Distance = (float, quantized) => meanPower(float, quantized, 2)
/** mean(|f - q|). */
export const mae: Distance = (float, quantized) => meanPower(float, quantized, 1)

function meanPower(float: Float32Array, quantized: Float32Array, p: number): number {
  let sum = 0
  for (let i = 0; i < float.length; i++) sum += Math.abs(float[i]! - quantized[i]!) ** p
  return sum / Math.max(1, float.length)
}

/** mean(|f - q|^p) / (mean(|f|^p) + 1e-8). */
export const lpNorm =
  (p: number): Distance =>
  (float, quantized) =>
    meanPower(float, quantized, p) / (meanPower(float, new Float32Array(float.length), p) + 1e-8)

/**
 * max(0, (1 - f.q / (|f||q| + 1e-8)) / 2), in [0, 1]. Equal tensors are at distance 0, whatever the 1e-8 does to small ones
 * (the reference says 1 for two zero tensors).
 */
export const cosine: Distance = (float, quantized) => {
  let [dot, ff, qq] = [0, 0, 0]
  let equal = true
  for (let i = 0; i < float.length; i++) {
    const [f, q] = [float[i]!, quantized[i]!]
    dot += f * q
    ff += f * f
    qq += q * q
    equal &&= f === q
  }
  if (equal) return 0
  return Math.max(0, (1 - dot / (Math.sqrt(ff) * Math.sqrt(qq) + 1e-8)) / 2)
}

/** Mean over positions of sum f ln(f / q) along `axis` (default: last); f = 0 adds nothing, q = 0 counts as 1e-8. */
export const kl: Distance = (float, quantized, shape, axis = -1) => {
  const at = axis < 0 ? axis + shape.length : axis
  const positions = float.length / Math.max(1, shape[at] ?? 1)
  let sum = 0
  for (let i = 0; i < float.length; i++) {
    const f = float[i]!
    if (f !== 0) sum += f * Math.log(f / (quantized[i] || 1e-8))
  }
  return sum / Math.max(1, positions)
}

/** KL divergence of the softmax of logits along the last axis. */
export const klLogits: Distance = (float, quantized, shape) => {
  const width = shape.at(-1) ?? 1
  let sum = 0
  for (let start = 0; start < float.length; start += width) {
    const [f, q] = [logSoftmax(float, start, width), logSoftmax(quantized, start, width)]
    for (let i = 0; i < width; i++) sum += Math.exp(f[i]!) * (f[i]! - q[i]!)
  }
  return Math.max(0, sum / Math.max(1, float.length / width))
}

function logSoftmax(logits: Float32Array, start: number, width: number): Float64Array {
  const row = Float64Array.from(logits.subarray(start, start + width))
  const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0))
  return row.map((x) => x - top - total)
}

/** The distances that a point can have, by name. */
export const distances = { nmse, cosine, kl, klLogits } as const
export type DistanceName = keyof typeof distances
