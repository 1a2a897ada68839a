import type { Tensor } from '@mixbit/graph'

const isDepth = (n: unknown): n is 1 | 3 => n === 1 || n === 3

/** How a tensor of one picture lies: null for what is none. */
function planesOf({ dtype, shape }: Tensor) {
  if (dtype !== 'f32' || shape.length !== 4) return null
  const [, a, b, c] = shape as [number, number, number, number]
  if (isDepth(a)) return { depth: a, height: b, width: c, at: (channel: number, i: number) => channel * b * c + i }
  if (isDepth(c)) return { depth: c, height: a, width: b, at: (channel: number, i: number) => i * c + channel }
  return null
}

/**
 * One sample as the network sees it: its own numbers from least to greatest as 0 to 255, its first channel as red. A wrong order of
 * channels shows as wrong colours; a wrong scale shows in the range that stands beside it.
 */
export function previewOf(name: string, tensor: Tensor) {
  const planes = planesOf(tensor)
  if (!planes) return null
  const { depth, height, width, at } = planes
  const data = tensor.data as Float32Array
  const { min, max } = rangeOf([data])
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255)
  const factor = max > min ? 255 / (max - min) : 0
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = (data[at(depth === 1 ? 0 : c, i)]! - min) * factor
  return { name, width, height, rgba }
}

/** Least, greatest and mean number. */
export function rangeOf(arrays: readonly ArrayLike<number>[]) {
  let [min, max, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0]
  for (const array of arrays)
    for (let i = 0; i < array.length; i++) {
      const value = Number(array[i])
      if (value < min) min = value
      if (value > max) max = value
      sum += value
      count++
    }
  return { min, max, mean: sum / count }
}
