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

/** Index of the level nearest to v: the number of midpoints below v. Ties go to the lower level. */
function indexOf(v: f32, middles: usize, count: i32): i32 {
  let low = 0
  let high = count
  while (low < high) {
    const at = (low + high) >> 1
    if (load<f32>(middles + ((<usize>at) << 2)) < v) low = at + 1
    else high = at
  }
  return low
}

/** The level nearest to v. */
function levelOf(v: f32, levels: usize, middles: usize, count: i32): f32 {
  return load<f32>(levels + ((<usize>indexOf(v, middles, count)) << 2))
}

/** Levels that are found by comparing with every midpoint, without branches. */
const FEW: i32 = 15

/** The levels nearest to four values: many levels are looked up one by one, unless they are consecutive integers. */
function levels4(v: v128, levels: usize, middles: usize, count: i32): v128 {
  const lowest = load<f32>(levels)
  const highest = load<f32>(levels + ((<usize>count) << 2))
  if (count <= FEW) {
    let level = f32x4.splat(lowest)
    for (let i: usize = 0; i < (<usize>count) << 2; i += 4) {
      const step = f32x4.splat(load<f32>(levels + i, 4) - load<f32>(levels + i))
      level = f32x4.add(level, v128.and(f32x4.gt(v, v128.load32_splat(middles + i)), step))
    }
    return level
  }
  if (highest - lowest === <f32>count) {
    const r = f32x4.nearest(v)
    const tie = f32x4.eq(f32x4.sub(r, v), f32x4.splat(0.5))
    const level = f32x4.sub(r, v128.and(tie, f32x4.splat(1)))
    return f32x4.pmin(f32x4.splat(highest), f32x4.pmax(f32x4.splat(lowest), level))
  }
  let level = f32x4.splat(levelOf(f32x4.extract_lane(v, 0), levels, middles, count))
  level = f32x4.replace_lane(level, 1, levelOf(f32x4.extract_lane(v, 1), levels, middles, count))
  level = f32x4.replace_lane(level, 2, levelOf(f32x4.extract_lane(v, 2), levels, middles, count))
  return f32x4.replace_lane(level, 3, levelOf(f32x4.extract_lane(v, 3), levels, middles, count))
}

/** Where `levels8` leaves the second four: below everything that the caller places. */
const SECOND: usize = 16

/** The levels nearest to eight values: gives the first four and stores the others at `SECOND`. Midpoints are loaded once for both. */
function levels8(v: v128, w: v128, levels: usize, middles: usize, count: i32): v128 {
  if (count > FEW) {
    v128.store(SECOND, levels4(w, levels, middles, count))
    return levels4(v, levels, middles, count)
  }
  let first = v128.load32_splat(levels)
  let second = first
  for (let i: usize = 0; i < (<usize>count) << 2; i += 4) {
    const middle = v128.load32_splat(middles + i)
    const step = f32x4.splat(load<f32>(levels + i, 4) - load<f32>(levels + i))
    first = f32x4.add(first, v128.and(f32x4.gt(v, middle), step))
    second = f32x4.add(second, v128.and(f32x4.gt(w, middle), step))
  }
  v128.store(SECOND, second)
  return first
}

/**
 * For each of `count` scales: sum of d (w - scale * nearest level)^2 over the row of a multiple of eight columns, to `out`
 * (float64, in four sums side by side).
 */
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
    const scale = v128.load32_splat(scales + ((<usize>k) << 2))
    let a = f64x2.splat(0)
    let b = f64x2.splat(0)
    for (let j: usize = 0; j < (<usize>columns) << 2; j += 32) {
      const value = v128.load(w + j)
      const other = v128.load(w + j, 16)
      const level = levels8(f32x4.div(value, scale), f32x4.div(other, scale), levels, middles, count)
      let error = f32x4.sub(value, f32x4.mul(level, scale))
      let squares = f32x4.mul(f32x4.mul(v128.load(d + j), error), error)
      a = f64x2.add(a, f64x2.promote_low_f32x4(squares))
      b = f64x2.add(b, f64x2.promote_low_f32x4(v128.shuffle<i32>(squares, squares, 2, 3, 2, 3)))
      error = f32x4.sub(other, f32x4.mul(v128.load(SECOND), scale))
      squares = f32x4.mul(f32x4.mul(v128.load(d + j, 16), error), error)
      a = f64x2.add(a, f64x2.promote_low_f32x4(squares))
      b = f64x2.add(b, f64x2.promote_low_f32x4(v128.shuffle<i32>(squares, squares, 2, 3, 2, 3)))
    }
    const sum = f64x2.add(a, b)
    store<f64>(out + ((<usize>k) << 3), f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1))
  }
}

// The row that is being rounded, for the steps of `roundRow`: offsets of H, its diagonal, the errors e, H e and the levels q; those of four
// working rows, which hold the steps up and down by column, then what each of them alone adds to e^T H e; bytes of a row and of
// its columns; the levels to choose from.
let rowH: usize = 0
let rowD: usize = 0
let rowE: usize = 0
let rowG: usize = 0
let rowQ: usize = 0
let rowSteps: usize = 0
let rowStride: usize = 0
let rowEnd: usize = 0
let rowLevels: usize = 0
let rowMiddles: usize = 0
let rowCount: i32 = 0

/**
 * Rounds one row: w (float32) becomes levels times `scale`, so that e^T H e with e = w - levels * scale gets small.
 * Backwards through the columns, each taking up the error of those behind it through R (Babai's nearest plane; the order of
 * columns apart, the rounding of GPTQ); then `sweeps` turns of coordinate descent and `pairs` turns in which two columns move
 * at once, each turn followed by the scale that fits the levels best if `refit`. `hw` is H w, `d` the diagonal of H; `e`, `g`, `q`
 * and four rows at `steps` are working rows; q ends as the levels, and `result` as [scale, e^T H e].
 */
export function roundRow(
  h: usize,
  r: usize,
  d: usize,
  columns: i32,
  width: i32,
  w: usize,
  hw: usize,
  e: usize,
  g: usize,
  q: usize,
  steps: usize,
  levels: usize,
  middles: usize,
  count: i32,
  scale: f32,
  sweeps: i32,
  pairs: i32,
  refit: i32,
  result: usize,
): void {
  const stride = (<usize>width) << 2
  rowH = h
  rowD = d
  rowE = e
  rowG = g
  rowQ = q
  rowSteps = steps
  rowStride = stride
  rowEnd = (<usize>columns) << 2
  rowLevels = levels
  rowMiddles = middles
  rowCount = count
  memory.fill(e, 0, stride)
  memory.fill(g, 0, stride)
  memory.fill(q, 0, stride)
  for (let j = columns - 1; j >= 0; j--) {
    const at = (<usize>j) << 2
    const row = r + <usize>j * stride
    const from = (<usize>(j & ~7)) << 2
    const pivot = load<f32>(row + at)
    const behind = dot(row + from, e + from, stride - from)
    const level = levelOf((load<f32>(w + at) + behind / pivot) / scale, levels, middles, count)
    const error = load<f32>(w + at) - level * scale
    store<f32>(q + at, level)
    store<f32>(e + at, error)
    // H e = R^T (R e), of which this is one element.
    subtract(g + from, row + from, -(behind + pivot * error), stride - from)
  }
  for (let n = 0; n < sweeps + pairs; n++) {
    const moved = n < sweeps ? singles(scale) : twos(scale)
    let same = true
    if (refit) {
      // H q = (H w - g) / scale, so the best scale q.Hw / q.Hq costs two dot products.
      const s = f32x4.splat(scale)
      const qhw = dot(q, hw, stride)
      const qhq = (qhw - dot(q, g, stride)) / scale
      const next = qhw / qhq
      if (!(next > 0) || !(qhq > 0)) break
      const by = f32x4.splat(next)
      for (let i: usize = 0; i < stride; i += 16) {
        const product = v128.load(hw + i)
        const hq = f32x4.div(f32x4.sub(product, v128.load(g + i)), s)
        v128.store(g + i, f32x4.sub(product, f32x4.mul(by, hq)))
        v128.store(e + i, f32x4.sub(v128.load(w + i), f32x4.mul(by, v128.load(q + i))))
      }
      same = next === scale
      scale = next
    }
    // Where single columns stand still, pairs may still move.
    if (moved === 0 && same) {
      if (n >= sweeps) break
      n = sweeps - 1
    }
  }
  store<f32>(result, scale)
  store<f32>(result, dot(e, g, stride), 4)
}

/** One turn of coordinate descent; gives how many columns moved. */
function singles(scale: f32): i32 {
  let moved = 0
  const s = f32x4.splat(scale)
  for (let at: usize = 0; at < rowEnd; at += 32) {
    const next = at + 16
    const level = levels8(wanted(at, s), wanted(next, s), rowLevels, rowMiddles, rowCount)
    let other = v128.load(SECOND)
    // Mostly none of the eight moves; where one of the first four does, the others are looked at anew.
    if (v128.any_true(f32x4.ne(level, v128.load(rowQ + at)))) {
      const moves = moveFour(at, min(next, rowEnd), scale)
      if (moves > 0) other = levels4(wanted(next, s), rowLevels, rowMiddles, rowCount)
      moved += moves
    }
    if (v128.any_true(f32x4.ne(other, v128.load(rowQ + next)))) moved += moveFour(next, min(at + 32, rowEnd), scale)
  }
  return moved
}

/** What four columns would best be, in units of the scale. */
function wanted(at: usize, scale: v128): v128 {
  const change = f32x4.div(v128.load(rowG + at), v128.load(rowD + at))
  return f32x4.div(f32x4.add(f32x4.mul(v128.load(rowQ + at), scale), change), scale)
}

/** Coordinate descent over the columns at offsets `at` to `end`; gives how many moved. */
function moveFour(at: usize, end: usize, scale: f32): i32 {
  let moved = 0
  for (; at < end; at += 4) {
    const old = load<f32>(rowQ + at)
    const best = (old * scale + load<f32>(rowG + at) / load<f32>(rowD + at)) / scale
    const level = levelOf(best, rowLevels, rowMiddles, rowCount)
    if (level === old) continue
    move(at, level, (level - old) * scale)
    moved++
  }
  return moved
}

/** The column at offset `at` goes to a level, which is `step` away. */
function move(at: usize, level: f32, step: f32): void {
  store<f32>(rowQ + at, level)
  store<f32>(rowE + at, load<f32>(rowE + at) - step)
  subtract(rowG, rowH + (at >> 2) * rowStride, step, rowStride)
}

/** Less than this share of the error is no gain: it may be an error of float32. */
const NO_GAIN: f32 = 1e-6

/**
 * Each column takes the step to the neighbouring level that costs less, together with the step of the one other column that
 * goes with it best, if that makes e^T H e smaller; gives how many columns did.
 */
function twos(scale: f32): i32 {
  const costs = rowSteps + 2 * rowStride
  const least = -NO_GAIN * dot(rowE, rowG, rowStride)
  memory.fill(rowSteps, 0, 4 * rowStride)
  for (let at: usize = 0; at < rowEnd; at += 4) stepsAt(at, scale)
  costsOf()
  let moved = 0
  for (let at: usize = 0; at < rowEnd; at += 4) {
    const up = load<f32>(rowSteps + at)
    const down = load<f32>(rowSteps + rowStride + at)
    const costUp = load<f32>(costs + at)
    const costDown = load<f32>(costs + rowStride + at)
    const upwards = up !== 0 && (down === 0 || costUp <= costDown)
    const step = upwards ? up : down
    if (step === 0) continue
    const row = rowH + (at >> 2) * rowStride
    // No column is its own partner.
    put(at, 0, 0, 0, 0)
    const partner = partnerOf(row, step)
    const own = upwards ? costUp : costDown
    const withUp = partner < 0 ? <f32>0 : together(row, step, rowSteps + partner, partner)
    const withDown = partner < 0 ? <f32>0 : together(row, step, rowSteps + rowStride + partner, partner)
    if (!(own + min(withUp, withDown) < least)) {
      put(at, up, down, costUp, costDown)
      continue
    }
    take(at, step, upwards, scale)
    if (partner >= 0) {
      const upToo = withUp <= withDown
      take(partner, load<f32>(rowSteps + (upToo ? 0 : rowStride) + partner), upToo, scale)
    }
    costsOf()
    moved++
  }
  return moved
}

/** What the step of the column at offset `at`, which stands at `place`, adds to e^T H e beside another's, whose row of H is `row`. */
function together(row: usize, step: f32, place: usize, at: usize): f32 {
  return load<f32>(place + 2 * rowStride) + 2 * step * load<f32>(row + at) * load<f32>(place)
}

/** The offset of the column whose step goes best with `step` of the column of this row of H: the first of equals; -1: none makes it better. */
function partnerOf(row: usize, step: f32): i32 {
  const downs = rowSteps + rowStride
  const costs = downs + rowStride
  const factor = f32x4.splat(2 * step)
  let best = f32x4.splat(0)
  let place = i32x4.splat(-1)
  for (let i: usize = 0; i < rowStride; i += 16) {
    const x = f32x4.mul(factor, v128.load(row + i))
    const up = f32x4.add(v128.load(costs + i), f32x4.mul(x, v128.load(rowSteps + i)))
    const down = f32x4.add(v128.load(costs + rowStride + i), f32x4.mul(x, v128.load(downs + i)))
    const lower = f32x4.pmin(up, down)
    const less = f32x4.lt(lower, best)
    best = v128.bitselect(lower, best, less)
    place = v128.bitselect(i32x4.splat(<i32>i), place, less)
  }
  let least: f32 = 0
  let at = -1
  for (let lane = 0; lane < 4; lane++) {
    const value = f32x4.extract_lane(best, 0)
    const first = i32x4.extract_lane(place, 0)
    const offset = first + 4 * lane
    if (first >= 0 && (value < least || (value === least && offset < at))) {
      least = value
      at = offset
    }
    best = v128.shuffle<i32>(best, best, 1, 2, 3, 0)
    place = v128.shuffle<i32>(place, place, 1, 2, 3, 0)
  }
  return at
}

/** The column at offset `at` goes one level up or down. */
function take(at: usize, step: f32, upwards: bool, scale: f32): void {
  const index = indexOf(load<f32>(rowQ + at), rowMiddles, rowCount) + (upwards ? 1 : -1)
  move(at, load<f32>(rowLevels + ((<usize>index) << 2)), step)
  stepsAt(at, scale)
}

/** The steps of the column at offset `at` to the next level up and down; 0 where there is none. */
function stepsAt(at: usize, scale: f32): void {
  const level = load<f32>(rowQ + at)
  const index = indexOf(level, rowMiddles, rowCount)
  const here = rowLevels + ((<usize>index) << 2)
  store<f32>(rowSteps + at, index < rowCount ? (load<f32>(here, 4) - level) * scale : 0)
  store<f32>(rowSteps + rowStride + at, index > 0 ? (load<f32>(here - 4) - level) * scale : 0)
}

/** What every step alone adds to e^T H e: t (t H_jj - 2 g_j). */
function costsOf(): void {
  const two = f32x4.splat(2)
  for (let i: usize = 0; i < rowStride; i += 16) {
    const weight = v128.load(rowD + i)
    const slope = f32x4.mul(two, v128.load(rowG + i))
    const last = rowSteps + rowStride + i
    for (let from = rowSteps + i; from <= last; from += rowStride) {
      const t = v128.load(from)
      v128.store(from + 2 * rowStride, f32x4.mul(t, f32x4.sub(f32x4.mul(t, weight), slope)))
    }
  }
}

/** Writes the four numbers of the column at offset `at`. */
function put(at: usize, up: f32, down: f32, costUp: f32, costDown: f32): void {
  const place = rowSteps + at
  store<f32>(place, up)
  store<f32>(place + rowStride, down)
  store<f32>(place + 2 * rowStride, costUp)
  store<f32>(place + 3 * rowStride, costDown)
}
