import type { Attr, Graph, Node } from '../graph.ts'
import { toF32 } from '../half.ts'
import { sizeOf, type Tensor } from '../tensor.ts'

/** Numbers with a shape, in float64. */
export interface Numbers {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

export const numbers = (shape: readonly number[], data: ArrayLike<number>): Numbers => ({
  shape,
  data: Float64Array.from(data),
})

/** Seeded numbers in [-1, 1). */
export function noise(shape: readonly number[], seed: number): Numbers {
  let state = seed * 2654435761 + 1
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  return numbers(shape, Float64Array.from({ length: sizeOf(shape) }, next))
}

/** The slow oracle: runs a graph node by node, element by element. Gives all values it met. */
export function interpret(graph: Graph, feeds: Readonly<Record<string, Numbers>>): Record<string, Numbers> {
  const known: Record<string, Numbers> = { ...feeds }
  for (const { id, tensor } of graph.values.values()) if (tensor) known[id] = numbers(tensor.shape, dataOf(tensor))
  for (const node of graph.nodes) {
    const operator = operators[node.op === 'MatMul' ? 'Gemm' : node.op]
    if (!operator) throw new Error(`no ${node.op} here`)
    const inputs = node.inputs.map((id) => (id === null ? undefined : known[id]!))
    const result = operator(inputs as Numbers[], node)
    known[node.outputs[0]!] = node.attrs.activation === 'relu' ? map(result, (x) => Math.max(x, 0)) : result
  }
  return known
}

/** Integers as well: widths of pads. */
const dataOf = (tensor: Tensor) =>
  tensor.dtype === 'i64' ? Array.from(tensor.data as BigInt64Array, Number) : toF32(tensor)

const map = ({ shape, data }: Numbers, f: (x: number, i: number) => number): Numbers => ({ shape, data: data.map(f) })
const whole = (attr: Attr | undefined, otherwise: number) => Number(attr ?? otherwise)
const wholes = (attr: Attr | undefined, otherwise: number[]) => (attr as number[] | undefined) ?? otherwise
const at4 = ({ shape, data }: Numbers, a: number, b: number, c: number, d: number) =>
  c < 0 || d < 0 || c >= shape[2]! || d >= shape[3]! ? 0 : data[((a * shape[1]! + b) * shape[2]! + c) * shape[3]! + d]!

const operators: Readonly<Record<string, (inputs: Numbers[], node: Node) => Numbers>> = {
  Conv: ([x, w, b], { attrs }) => {
    const [n, cin, h, width] = x!.shape as [number, number, number, number]
    const [cout, perGroup, kh, kw] = w!.shape as [number, number, number, number]
    const [sh, sw] = wholes(attrs.strides, [1, 1]) as [number, number]
    const [dh, dw] = wholes(attrs.dilations, [1, 1]) as [number, number]
    const [top, left, bottom, right] = wholes(attrs.pads, [0, 0, 0, 0]) as [number, number, number, number]
    const outPerGroup = cout / whole(attrs.group, 1)
    if (cin !== perGroup * whole(attrs.group, 1)) throw new Error('conv channels')
    const oh = Math.floor((h + top + bottom - dh * (kh - 1) - 1) / sh) + 1
    const ow = Math.floor((width + left + right - dw * (kw - 1) - 1) / sw) + 1
    const out: number[] = []
    for (let i = 0; i < n; i++)
      for (let o = 0; o < cout; o++)
        for (let y = 0; y < oh; y++)
          for (let z = 0; z < ow; z++) {
            let sum = b?.data[o] ?? 0
            const first = Math.floor(o / outPerGroup) * perGroup
            for (let c = 0; c < perGroup; c++)
              for (let p = 0; p < kh; p++)
                for (let q = 0; q < kw; q++)
                  sum += at4(w!, o, c, p, q) * at4(x!, i, first + c, y * sh - top + p * dh, z * sw - left + q * dw)
            out.push(sum)
          }
    return numbers([n, cout, oh, ow], out)
  },
  // Scatters every input element over the outputs it feeds; no pads, stride only.
  ConvTranspose: ([x, w, b], { attrs }) => {
    const [n, cin, h, width] = x!.shape as [number, number, number, number]
    const [, perGroup, kh, kw] = w!.shape as [number, number, number, number]
    const groups = whole(attrs.group, 1)
    const [sh, sw] = wholes(attrs.strides, [1, 1]) as [number, number]
    const [cout, oh, ow] = [perGroup * groups, (h - 1) * sh + kh, (width - 1) * sw + kw]
    const out = numbers(
      [n, cout, oh, ow],
      Float64Array.from({ length: n * cout * oh * ow }, (_, i) => b?.data[Math.floor(i / (oh * ow)) % cout] ?? 0),
    )
    for (let i = 0; i < n; i++)
      for (let c = 0; c < cin; c++)
        for (let y = 0; y < h; y++)
          for (let z = 0; z < width; z++)
            for (let j = 0; j < perGroup; j++)
              for (let p = 0; p < kh; p++)
                for (let q = 0; q < kw; q++) {
                  const o = Math.floor(c / (cin / groups)) * perGroup + j
                  out.data[((i * cout + o) * oh + y * sh + p) * ow + z * sw + q]! +=
                    at4(x!, i, c, y, z) * at4(w!, c, j, p, q)
                }
    return out
  },
  BatchNormalization: ([x, gamma, beta, mean, variance], { attrs }) => {
    const epsilon = attrs.epsilon ? Number((attrs.epsilon as { float: number }).float) : 1e-5
    const inner = sizeOf(x!.shape.slice(2))
    return map(x!, (value, i) => {
      const c = Math.floor(i / inner) % x!.shape[1]!
      return ((value - mean!.data[c]!) / Math.sqrt(variance!.data[c]! + epsilon)) * gamma!.data[c]! + beta!.data[c]!
    })
  },
  Gemm: ([x, w, b], { attrs }) => {
    const [rows, inner] = x!.shape as [number, number]
    const flipped = attrs.transB === 1
    const columns = w!.shape[flipped ? 0 : 1]!
    const out: number[] = []
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        let sum = b ? b.data[b.data.length === 1 ? 0 : c]! : 0
        for (let i = 0; i < inner; i++)
          sum += x!.data[r * inner + i]! * w!.data[flipped ? c * inner + i : i * columns + c]!
        out.push(sum)
      }
    return numbers([rows, columns], out)
  },
  Relu: ([x]) => map(x!, (value) => Math.max(value, 0)),
  Identity: ([x]) => x!,
  Constant: (_, { attrs }) => {
    const { tensor } = attrs.value as { tensor: Parameters<typeof toF32>[0] }
    return numbers(tensor.shape, toF32(tensor))
  },
  Clip: ([x, low, high]) =>
    map(x!, (value) => Math.min(Math.max(value, low?.data[0] ?? -Infinity), high?.data[0] ?? Infinity)),
  LeakyRelu: ([x]) => map(x!, (value) => (value < 0 ? value / 8 : value)),
  HardSwish: ([x]) => map(x!, (value) => value * Math.min(Math.max(value / 6 + 0.5, 0), 1)),
  Flatten: ([x]) => numbers([x!.shape[0]!, sizeOf(x!.shape.slice(1))], x!.data),
  GlobalAveragePool: ([x]) => {
    const inner = sizeOf(x!.shape.slice(2))
    const means = Float64Array.from({ length: x!.data.length / inner }, (_, i) =>
      x!.data.subarray(i * inner, (i + 1) * inner).reduce((sum, value) => sum + value / inner, 0),
    )
    return numbers([x!.shape[0]!, x!.shape[1]!, 1, 1], means)
  },
  // Of the last two of four axes.
  Pad: ([x, pads, fill]) => {
    const [, , top, left, , , bottom, right] = pads!.data as unknown as number[]
    const [n, c, h, w] = x!.shape as [number, number, number, number]
    const [oh, ow] = [h + top! + bottom!, w + left! + right!]
    const out = Array.from({ length: n * c * oh * ow }, (_, i) => {
      const [y, z] = [(Math.floor(i / ow) % oh) - top!, (i % ow) - left!]
      const outside = y < 0 || z < 0 || y >= h || z >= w
      const plane = Math.floor(i / (ow * oh))
      return outside ? (fill?.data[0] ?? 0) : at4(x!, Math.floor(plane / c), plane % c, y, z)
    })
    return numbers([n, c, oh, ow], out)
  },
  Add: ([a, b]) => map(a!, (value, i) => value + b!.data[i % b!.data.length]!),
  Mul: ([a, b]) => map(a!, (value, i) => value * b!.data[b!.data.length === 1 ? 0 : i]!),
}
