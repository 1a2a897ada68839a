// AssemblyScript. Least squares and error-compensating rounding; `src/reconstruct-twin.ts` is its twin and must give the same bits.
//
// Matrices are float32, row-major, with rows of `width` columns: the number of columns rounded up to a multiple of eight, and
// zeros in what was added. Every operation is one IEEE operation (no fused multiply-add). Dot products sum in four vectors,
// element i in lane i mod 16, and fold them as written in `fold`; so the order of additions is that of the twin.

function fold(a: v128, b: v128, c: v128, d: v128): f32 {
  const s = f32x4.add(f32x4.add(a, b), f32x4.add(c, d))
  return f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + (f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3))
}

/** Sum of a[i] * b[i]; `bytes` is a multiple of 32. */
function dot(a: usize, b: usize, bytes: usize): f32 {
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
function subtract(y: usize, x: usize, factor: f32, bytes: usize): void {
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

/** Index of the level nearest to v: the number of midpoints below it. Ties go to the lower level. */
function nearest(v: f32, middles: usize, count: i32): i32 {
  let low = 0
  let high = count
  while (low < high) {
    const at = (low + high) >> 1
    if (load<f32>(middles + ((<usize>at) << 2)) < v) low = at + 1
    else high = at
  }
  return low
}

/** For each of `count` scales: sum of d (w - scale * nearest level)^2 over the row, to `out` (float64). */
export function scaleErrors(
  w: usize,
  d: usize,
  columns: i32,
  levels: usize,
  middles: usize,
  count: i32,
  scales: usize,
  scaleCount: i32,
  out: usize,
): void {
  for (let k = 0; k < scaleCount; k++) {
    const scale = load<f32>(scales + ((<usize>k) << 2))
    let sum: f64 = 0
    for (let j: usize = 0; j < (<usize>columns) << 2; j += 4) {
      const value = load<f32>(w + j)
      const level = load<f32>(levels + ((<usize>nearest(value / scale, middles, count)) << 2))
      const error = value - level * scale
      sum += <f64>(load<f32>(d + j) * error * error)
    }
    store<f64>(out + ((<usize>k) << 3), sum)
  }
}

/**
 * Rounds one row: w (float32) becomes levels times `scale`, so that e^T H e with e = w - levels * scale gets small.
 * Backwards through the columns, each taking up the error of those behind it through R (Babai's nearest plane; the order of
 * columns apart, the rounding of GPTQ); then `sweeps` times coordinate descent and, if `refit`, the scale that fits the levels best.
 * `hw` is H w; `e`, `g`, `q` are working rows; q ends as the levels, and `result` as [scale, e^T H e].
 */
export function roundRow(
  h: usize,
  r: usize,
  columns: i32,
  width: i32,
  w: usize,
  hw: usize,
  e: usize,
  g: usize,
  q: usize,
  levels: usize,
  middles: usize,
  count: i32,
  scale: f32,
  sweeps: i32,
  refit: i32,
  result: usize,
): void {
  const stride = (<usize>width) << 2
  memory.fill(e, 0, stride)
  memory.fill(q, 0, stride)
  for (let j = columns - 1; j >= 0; j--) {
    const at = (<usize>j) << 2
    const row = r + <usize>j * stride
    const from = (<usize>(j & ~7)) << 2
    const value = load<f32>(w + at) + dot(row + from, e + from, stride - from) / load<f32>(row + at)
    const level = load<f32>(levels + ((<usize>nearest(value / scale, middles, count)) << 2))
    store<f32>(q + at, level)
    store<f32>(e + at, load<f32>(w + at) - level * scale)
  }
  for (let j = 0; j < columns; j++) store<f32>(g + ((<usize>j) << 2), dot(h + <usize>j * stride, e, stride))
  for (let n = 0; n < sweeps; n++) {
    let moved = 0
    for (let j = 0; j < columns; j++) {
      const at = (<usize>j) << 2
      const row = h + <usize>j * stride
      const old = load<f32>(q + at)
      const value = old * scale + load<f32>(g + at) / load<f32>(row + at)
      const level = load<f32>(levels + ((<usize>nearest(value / scale, middles, count)) << 2))
      if (level !== old) {
        const step = (level - old) * scale
        store<f32>(q + at, level)
        store<f32>(e + at, load<f32>(e + at) - step)
        subtract(g, row, step, stride)
        moved++
      }
    }
    if (!refit) {
      if (moved === 0) break
      continue
    }
    // H q = (H w - g) / scale, so the best scale q.Hw / q.Hq costs two dot products.
    const qhw = dot(q, hw, stride)
    const qhq = (qhw - dot(q, g, stride)) / scale
    const next = qhw / qhq
    if (!(next > 0) || !(qhq > 0)) break
    for (let i: usize = 0; i < stride; i += 4) {
      const hq = (load<f32>(hw + i) - load<f32>(g + i)) / scale
      store<f32>(g + i, load<f32>(hw + i) - next * hq)
      store<f32>(e + i, load<f32>(w + i) - next * load<f32>(q + i))
    }
    const same = next === scale
    scale = next
    if (moved === 0 && same) break
  }
  store<f32>(result, scale)
  store<f32>(result, dot(e, g, stride), 4)
}
