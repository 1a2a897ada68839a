// AssemblyScript. The hot loop of the threshold search; `src/kernel-twin.ts` is its twin and must give the same bits.
//
// Why SIMD agrees with the twin: every operation is one IEEE float32 operation (no fused multiply-add), lane l sums the
// elements l, l + 4, l + 8 ... of a block of 256 in float32, and a block is folded as (l0 + l1) + (l2 + l3) in float64.
// The caller pads the data with zeros to a multiple of four: a zero is on every grid and adds no error.

/** 1.5 * 2^23: adding and subtracting it rounds a small float32 half to even. */
const MAGIC: f32 = 12582912.0
/** Bytes of a block of 256 float32. */
const BLOCK: usize = 1024

function fold(lanes: v128): f64 {
  return (
    <f64>f32x4.extract_lane(lanes, 0) +
    <f64>f32x4.extract_lane(lanes, 1) +
    (<f64>f32x4.extract_lane(lanes, 2) + <f64>f32x4.extract_lane(lanes, 3))
  )
}

/**
 * For candidates k (even in number; `params` holds inverse scale, lowest and highest integer of each) adds
 * the sum of (v - q)^2 with v = x * inverse, q = round(clamp(v)) to `out[k]` (float64).
 */
export function errors(x: usize, bytes: usize, params: usize, count: i32, out: usize): void {
  const magic = f32x4.splat(MAGIC)
  const end = x + bytes
  for (let k = 0; k < count; k += 2) {
    const inv0 = v128.load32_splat(params)
    const lo0 = v128.load32_splat(params, 4)
    const hi0 = v128.load32_splat(params, 8)
    const inv1 = v128.load32_splat(params, 12)
    const lo1 = v128.load32_splat(params, 16)
    const hi1 = v128.load32_splat(params, 20)
    let sum0 = load<f64>(out)
    let sum1 = load<f64>(out, 8)
    let at = x
    while (at < end) {
      const stop = min(at + BLOCK, end)
      let acc0 = f32x4.splat(0)
      let acc1 = f32x4.splat(0)
      for (; at < stop; at += 16) {
        const v = v128.load(at)
        const a = f32x4.mul(v, inv0)
        const b = f32x4.mul(v, inv1)
        const p = f32x4.sub(f32x4.add(f32x4.pmin(f32x4.pmax(a, lo0), hi0), magic), magic)
        const q = f32x4.sub(f32x4.add(f32x4.pmin(f32x4.pmax(b, lo1), hi1), magic), magic)
        const d = f32x4.sub(a, p)
        const e = f32x4.sub(b, q)
        acc0 = f32x4.add(acc0, f32x4.mul(d, d))
        acc1 = f32x4.add(acc1, f32x4.mul(e, e))
      }
      sum0 += fold(acc0)
      sum1 += fold(acc1)
    }
    store<f64>(out, sum0)
    store<f64>(out, sum1, 8)
    params += 24
    out += 16
  }
}

/** Adds the sums of v * q and q * q for one candidate to `out[0]` and `out[1]`: the scale that fits q best follows. */
export function moments(x: usize, bytes: usize, params: usize, out: usize): void {
  const magic = f32x4.splat(MAGIC)
  const inv = v128.load32_splat(params)
  const lo = v128.load32_splat(params, 4)
  const hi = v128.load32_splat(params, 8)
  const end = x + bytes
  let vq = load<f64>(out)
  let qq = load<f64>(out, 8)
  let at = x
  while (at < end) {
    const stop = min(at + BLOCK, end)
    let acc0 = f32x4.splat(0)
    let acc1 = f32x4.splat(0)
    for (; at < stop; at += 16) {
      const v = f32x4.mul(v128.load(at), inv)
      const q = f32x4.sub(f32x4.add(f32x4.pmin(f32x4.pmax(v, lo), hi), magic), magic)
      acc0 = f32x4.add(acc0, f32x4.mul(v, q))
      acc1 = f32x4.add(acc1, f32x4.mul(q, q))
    }
    vq += fold(acc0)
    qq += fold(acc1)
  }
  store<f64>(out, vq)
  store<f64>(out, qq, 8)
}
