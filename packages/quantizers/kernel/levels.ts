// AssemblyScript. The levels that are nearest, for `reconstruct.ts`: `levels` ascend, `middles` are the `count` numbers between them.

/** Index of the level nearest to v: the number of midpoints below v. Ties go to the lower level. */
export function indexOf(v: f32, middles: usize, count: i32): i32 {
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
export function levelOf(v: f32, levels: usize, middles: usize, count: i32): f32 {
  return load<f32>(levels + ((<usize>indexOf(v, middles, count)) << 2))
}

/** Levels that are found by comparing with every midpoint, without branches. */
const FEW: i32 = 15

/** The levels nearest to four values: many levels are looked up one by one, unless they are consecutive integers. */
export function levels4(v: v128, levels: usize, middles: usize, count: i32): v128 {
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
export const SECOND: usize = 16

/** The levels nearest to eight values: gives the first four and stores the others at `SECOND`. Midpoints are loaded once for both. */
export function levels8(v: v128, w: v128, levels: usize, middles: usize, count: i32): v128 {
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
