/** A hand-written ONNX file, independent of @mixbit/onnx's encoder: field numbers from onnx.proto3. */

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
const int = (field: number, value: number) => Uint8Array.from([...varint(field << 3), ...varint(value)])
const bytes = (field: number, body: Uint8Array) =>
  Buffer.concat([Uint8Array.from([...varint((field << 3) | 2), ...varint(body.length)]), body])
const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value))
const message = (field: number, ...parts: Uint8Array[]) => bytes(field, Buffer.concat(parts))

/** ValueInfoProto of a float tensor `[N, columns]`. */
const valueInfo = (field: number, name: string, columns: number) =>
  message(
    field,
    text(1, name),
    message(2, message(1, int(1, 1), message(2, message(1, text(2, 'N')), message(1, int(1, columns))))),
  )

const initializer = (name: string, shape: readonly number[], data: Float32Array) =>
  message(5, ...shape.map((n) => int(1, n)), int(2, 1), text(8, name), bytes(9, new Uint8Array(data.buffer)))

const node = (op: string, inputs: readonly string[], output: string) =>
  message(1, ...inputs.map((name) => text(1, name)), text(2, output), text(3, `${op}_${output}`), text(4, op))

/** Weights between -1 and 1 from a fixed linear congruence. */
function weights(size: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: size }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return state / 2 ** 30 - 1
  })
}

/** A perceptron `x[N, 8] -> Gemm(64) -> Relu -> Gemm(64) -> Relu -> Gemm(4) -> y`, opset 17: 4864 weights in three layers. */
export function tinyModel(): Uint8Array {
  const sizes = [8, 64, 64, 4] as const
  const parts: Uint8Array[] = []
  for (let i = 0; i < 3; i++) {
    const [from, to] = [sizes[i]!, sizes[i + 1]!]
    parts.push(
      initializer(`w${i}`, [from, to], weights(from * to, i + 1)),
      initializer(`b${i}`, [to], weights(to, i + 9)),
    )
    parts.push(node('Gemm', [i === 0 ? 'x' : `r${i}`, `w${i}`, `b${i}`], i === 2 ? 'y' : `h${i}`))
    if (i < 2) parts.push(node('Relu', [`h${i}`], `r${i + 1}`))
  }
  const graph = message(7, ...parts, text(2, 'tiny'), valueInfo(11, 'x', 8), valueInfo(12, 'y', 4))
  return Buffer.concat([int(1, 8), graph, message(8, int(2, 17))])
}
