// The pictures of the demo: twelve kinds of shapes on 32 x 32 pixels, drawn from a seed and nothing else.

export const classes = [
  'circle',
  'ring',
  'square',
  'frame',
  'triangle',
  'cross',
  'plus',
  'star',
  'bars',
  'checker',
  'heart',
  'crescent',
]

/** Seeded numbers in [0, 1) (mulberry32). */
export function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const box = (x, y, w, h) => Math.abs(x) < w && Math.abs(y) < h

/** Whether a point is inside; the shape fills about [-1, 1] x [-1, 1]. */
const inside = {
  circle: (x, y) => x * x + y * y < 0.8,
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.72) < 0.2,
  square: (x, y) => box(x, y, 0.75, 0.75),
  frame: (x, y) => box(x, y, 0.85, 0.85) && !box(x, y, 0.5, 0.5),
  triangle: (x, y) => y < 0.7 && y > -0.9 + Math.abs(x) * 1.75,
  cross: (x, y) => box(x, y, 0.9, 0.9) && (Math.abs(x - y) < 0.36 || Math.abs(x + y) < 0.36),
  plus: (x, y) => box(x, y, 0.9, 0.26) || box(x, y, 0.26, 0.9),
  star: (x, y) => Math.hypot(x, y) < 0.5 + 0.42 * Math.cos(5 * Math.atan2(x, -y)),
  bars: (x, y) => box(x, y, 0.85, 0.85) && Math.floor((x + 0.85) / 0.34) % 2 === 0,
  checker: (x, y) => box(x, y, 0.85, 0.85) && (Math.floor((x + 0.85) / 0.43) + Math.floor((y + 0.85) / 0.43)) % 2 === 0,
  heart: (x, y) => (x * x + (0.15 - y) ** 2 - 0.45) ** 3 < x * x * (0.15 - y) ** 3 * 2.2,
  crescent: (x, y) => x * x + y * y < 0.8 && (x - 0.42) ** 2 + y * y > 0.55,
}

/** One picture: 32 x 32 x 3 bytes (RGB, rows first) of the class `label`. */
export function draw(label, next) {
  const shape = inside[classes[label]]
  const between = (low, high) => low + (high - low) * next()
  const [size, angle] = [between(7, 13), between(-0.35, 0.35)]
  const [cx, cy] = [between(12, 20), between(12, 20)]
  const colour = () => [between(0, 255), between(0, 255), between(0, 255)]
  const [back, slope] = [colour(), [between(-4, 4), between(-4, 4)]]
  let front = colour()
  while (Math.hypot(...front.map((c, i) => c - back[i])) < 110) front = colour()
  const noise = between(4, 28)
  const [cos, sin] = [Math.cos(angle) / size, Math.sin(angle) / size]
  const pixels = new Uint8Array(32 * 32 * 3)
  for (let y = 0; y < 32; y++)
    for (let x = 0; x < 32; x++) {
      let covered = 0
      for (const dx of [0.25, 0.75])
        for (const dy of [0.25, 0.75]) {
          const [u, v] = [x + dx - cx, y + dy - cy]
          if (shape(u * cos + v * sin, v * cos - u * sin)) covered += 0.25
        }
      for (let c = 0; c < 3; c++) {
        const ground = back[c] + slope[0] * (x - 16) + slope[1] * (y - 16)
        const value = ground + covered * (front[c] - ground) + (next() - 0.5) * 2 * noise
        pixels[(y * 32 + x) * 3 + c] = Math.min(255, Math.max(0, Math.round(value)))
      }
    }
  return pixels
}

/** `count` pictures with labels, all classes in turn. */
export function pictures(count, seed) {
  const next = random(seed)
  return Array.from({ length: count }, (_, i) => ({
    label: i % classes.length,
    pixels: draw(i % classes.length, next),
  }))
}
