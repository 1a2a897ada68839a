// AssemblyScript. Error-compensating rounding, with the least squares it needs; `src/reconstruct-twin.ts` is its twin and must give the
// same bits. How matrices lie and in which order numbers are added: see `linear-algebra.ts`.
import { indexOf, levelOf, levels4, levels8, SECOND } from './levels'
import { dot, subtract } from './linear-algebra'

export { scaleErrors } from './levels'
export { cholesky, product, solve } from './linear-algebra'

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
