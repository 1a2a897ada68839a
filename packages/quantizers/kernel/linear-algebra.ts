// AssemblyScript. Least squares, for `reconstruct.ts`.
//
// Matrices are float32, row-major, with rows of `width` columns: the number of columns rounded up to a multiple of eight, and
// zeros in what was added. Every operation is one IEEE operation (no fused multiply-add). Dot products sum in four vectors,
// element i in lane i mod 16, and fold them as written in `fold`; so the order of additions is that of the twin.

function fold(a: v128, b: v128, c: v128, d: v128): f32 {
  const s = f32x4.add(f32x4.add(a, b), f32x4.add(c, d))
  return f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + (f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3))
}

/** Sum of a[i] * b[i]; `bytes` is a multiple of 32. */
export function dot(a: usize, b: usize, bytes: usize): f32 {
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  let s3 = f32x4.splat(0)
  let i: usize = 0
  for (; i + 64 <= bytes; i += 64) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a + i), v128.load(b + i)))
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a + i, 16), v128.load(b + i, 16)))
    s2 = f32x4.add(s2, f32x4.mul(v128.load(a + i, 32), v128.load(b + i, 32)))
    s3 = f32x4.add(s3, f32x4.mul(v128.load(a + i, 48), v128.load(b + i, 48)))
  }
  if (i < bytes) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a + i), v128.load(b + i)))
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a + i, 16), v128.load(b + i, 16)))
  }
  return fold(s0, s1, s2, s3)
}

/** y[i] -= factor * x[i]; `bytes` is a multiple of 32. */
export function subtract(y: usize, x: usize, factor: f32, bytes: usize): void {
  const f = f32x4.splat(factor)
  for (let i: usize = 0; i < bytes; i += 16)
    v128.store(y + i, f32x4.sub(v128.load(y + i), f32x4.mul(f, v128.load(x + i))))
}

/** Rows of X and Y that are taken at a time, so that they stay in the cache. */
const CHUNK: i32 = 64

/**
 * Adds X^T Y to `out` [width, outWidth]; X is [rows, width], Y is [rows, outWidth]. With `upper`, X is Y and what stands
 * below the diagonal (by blocks of eight) is left out.
 */
export function product(x: usize, y: usize, rows: i32, width: i32, outWidth: i32, upper: i32, out: usize): void {
  const xs = (<usize>width) << 2
  const ys = (<usize>outWidth) << 2
  for (; rows > 0; rows -= CHUNK, x += CHUNK * xs, y += CHUNK * ys) {
    const count = min(rows, CHUNK)
    for (let i: usize = 0; i < xs; i += 16)
      for (let j: usize = upper ? i & ~31 : 0; j < ys; j += 32)
        block(x + i, y + j, count, xs, ys, out + (i >> 2) * ys + j)
  }
}

/** Four columns of X by eight of Y. */
function block(x: usize, y: usize, rows: i32, xs: usize, ys: usize, out: usize): void {
  const out1 = out + ys
  const out2 = out1 + ys
  const out3 = out2 + ys
  let a0 = v128.load(out)
  let b0 = v128.load(out, 16)
  let a1 = v128.load(out1)
  let b1 = v128.load(out1, 16)
  let a2 = v128.load(out2)
  let b2 = v128.load(out2, 16)
  let a3 = v128.load(out3)
  let b3 = v128.load(out3, 16)
  for (let r = 0; r < rows; r++, x += xs, y += ys) {
    const a = v128.load(y)
    const b = v128.load(y, 16)
    let v = v128.load32_splat(x)
    a0 = f32x4.add(a0, f32x4.mul(v, a))
    b0 = f32x4.add(b0, f32x4.mul(v, b))
    v = v128.load32_splat(x, 4)
    a1 = f32x4.add(a1, f32x4.mul(v, a))
    b1 = f32x4.add(b1, f32x4.mul(v, b))
    v = v128.load32_splat(x, 8)
    a2 = f32x4.add(a2, f32x4.mul(v, a))
    b2 = f32x4.add(b2, f32x4.mul(v, b))
    v = v128.load32_splat(x, 12)
    a3 = f32x4.add(a3, f32x4.mul(v, a))
    b3 = f32x4.add(b3, f32x4.mul(v, b))
  }
  v128.store(out, a0)
  v128.store(out, b0, 16)
  v128.store(out1, a1)
  v128.store(out1, b1, 16)
  v128.store(out2, a2)
  v128.store(out2, b2, 16)
  v128.store(out3, a3)
  v128.store(out3, b3, 16)
}

/**
 * H = R^T R in place: the upper triangle of `h` becomes R, what is below stays. Gives -1, or the column at which H is not
 * positive definite.
 */
export function cholesky(h: usize, columns: i32, width: i32): i32 {
  const stride = (<usize>width) << 2
  for (let j = 0; j < columns; j++) {
    const row = h + <usize>j * stride
    const from = (<usize>(j & ~7)) << 2
    for (let i = 0; i < j; i++) {
      const above = h + <usize>i * stride
      subtract(row + from, above + from, load<f32>(above + ((<usize>j) << 2)), stride - from)
    }
    const pivot = load<f32>(row + ((<usize>j) << 2))
    if (!(pivot > 0)) return j
    const root = Mathf.sqrt(pivot)
    for (let k = j; k < columns; k++) store<f32>(row + ((<usize>k) << 2), load<f32>(row + ((<usize>k) << 2)) / root)
  }
  return -1
}

/** Solves R^T R x = b for each of `rows` right-hand sides, in place. `r` has zeros below its diagonal. */
export function solve(r: usize, columns: i32, width: i32, b: usize, rows: i32): void {
  const stride = (<usize>width) << 2
  for (let n = 0; n < rows; n++, b += stride) {
    for (let i = 0; i < columns; i++) {
      const row = r + <usize>i * stride
      const at = b + ((<usize>i) << 2)
      const from = (<usize>(i & ~7)) << 2
      const z = load<f32>(at) / load<f32>(row + ((<usize>i) << 2))
      subtract(b + from, row + from, z, stride - from)
      store<f32>(at, z)
    }
    for (let i = columns - 1; i >= 0; i--) {
      const row = r + <usize>i * stride
      const at = b + ((<usize>i) << 2)
      const from = (<usize>(i & ~7)) << 2
      const pivot = load<f32>(row + ((<usize>i) << 2))
      const x = load<f32>(at)
      // The product with itself is taken out again by putting zero in its place.
      store<f32>(at, 0)
      store<f32>(at, (x - dot(row + from, b + from, stride - from)) / pivot)
    }
  }
}
