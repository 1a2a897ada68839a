import { type Attr, sizeOf, type Tensor, toF32, type ValueId } from '@mixbit/graph'
import { type Place, reshaped, scattered } from './place.ts'

const ints = (attr: Attr | undefined): readonly number[] | undefined =>
  Array.isArray(attr) ? (attr as readonly number[]) : undefined

/** How a kernel of `kernel` spatial extents walks over an input. */
interface Walk {
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Zeros before every spatial axis, then behind every one. */
  readonly pads: readonly number[]
}

/** Null for pads that are not known. */
function walkOf({ node, shapeOf }: Place, kernel: readonly number[]): Walk | null {
  const rank = kernel.length
  const strides = ints(node.attrs.strides) ?? kernel.map(() => 1)
  const dilations = ints(node.attrs.dilations) ?? kernel.map(() => 1)
  const auto = node.attrs.auto_pad ?? 'NOTSET'
  if (auto === 'VALID') return { strides, dilations, pads: [...kernel, ...kernel].map(() => 0) }
  if (auto === 'NOTSET')
    return { strides, dilations, pads: ints(node.attrs.pads) ?? [...kernel, ...kernel].map(() => 0) }
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') return null
  const input = shapeOf(node.inputs[0]!).slice(-rank)
  const output = shapeOf(node.outputs[0]!).slice(-rank)
  const total = kernel.map((k, i) =>
    Math.max(0, (output[i]! - 1) * strides[i]! + (k - 1) * dilations[i]! + 1 - input[i]!),
  )
  const less = total.map((n) => Math.floor(n / 2))
  const more = total.map((n) => Math.ceil(n / 2))
  return { strides, dilations, pads: auto === 'SAME_UPPER' ? [...less, ...more] : [...more, ...less] }
}

/** The transposed convolution of `dy` with the kernel w, [outputs, inputs of a group, ...kernel], as large as `like`. */
function transposed(place: Place, dy: ValueId, w: ValueId, walk: Walk, groups: number, like: ValueId): ValueId {
  const { op, integers, constantOf } = place
  const { strides, dilations, pads } = walk
  const rank = strides.length
  const attrs = { strides, dilations, group: groups }
  const kernel = constantOf(w)!
  const around = pads.map((n, i) => (kernel.shape[2 + (i % rank)]! - 1) * dilations[i % rank]! - n)
  // Without strides it is a convolution, which onnxruntime computes several times faster.
  if (strides.every((s) => s === 1) && around.every((n) => n >= 0))
    return op('Conv', [dy, place.builder.constant(turned(kernel, groups))], { dilations, group: groups, pads: around })
  // With all that the last stride leaves over behind it, then cut out of that.
  const whole = op('ConvTranspose', [dy, w], { ...attrs, output_padding: strides.map((s) => s - 1) })
  const before = integers(pads.slice(0, rank))
  const axes = Array.from({ length: rank }, (_, i) => i + 2)
  const extents = op(
    'Slice',
    [op('Shape', [like], {}, 'i64'), integers([2]), integers([Number.MAX_SAFE_INTEGER])],
    {},
    'i64',
  )
  return op('Slice', [whole, before, op('Add', [before, extents], {}, 'i64'), integers(axes)])
}

/** A kernel for the way back: inputs and outputs of each group exchanged, and every axis of the window the other way round. */
function turned({ shape, data }: Tensor, groups: number): Tensor {
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]]
  const [taps, across] = [sizeOf(kernel), outputs / groups]
  const w = toF32({ dtype: 'f32', shape, data })
  const out = new Float32Array(w.length)
  for (let group = 0, at = 0; group < groups; group++)
    for (let input = 0; input < inputs; input++)
      for (let output = 0; output < across; output++)
        for (let tap = taps - 1; tap >= 0; tap--)
          out[at++] = w[((group * across + output) * inputs + input) * taps + tap]!
  return { dtype: 'f32', shape: [groups * inputs, across, ...kernel], data: out }
}

const groupsOf = ({ node }: Place) => (typeof node.attrs.group === 'number' ? node.attrs.group : 1)

export function conv(place: Place): ValueId | null {
  const { node, constantOf, dy } = place
  const [x, w] = node.inputs as [ValueId, ValueId]
  const walk = constantOf(w) && walkOf(place, constantOf(w)!.shape.slice(2))
  return walk ? transposed(place, dy, w, walk, groupsOf(place), x) : null
}

export function convTranspose(place: Place): ValueId | null {
  const { node, constantOf, op, dy } = place
  const { auto_pad, output_shape, strides, dilations, pads } = node.attrs
  const w = node.inputs[1]!
  if (!constantOf(w) || output_shape !== undefined || (auto_pad !== undefined && auto_pad !== 'NOTSET')) return null
  const given = Object.entries({ strides, dilations, pads }).filter(([, value]) => value !== undefined)
  return op('Conv', [dy, w], { ...(Object.fromEntries(given) as Record<string, Attr>), group: groupsOf(place) })
}

/** Every output is the mean of what its window sees; zeros that were added count when `count_include_pad` says so. */
export function averagePool(place: Place): ValueId | null {
  const { node, op, integers, shapeOf, dy } = place
  const x = node.inputs[0]!
  const kernel = ints(node.attrs.kernel_shape) ?? []
  const walk = walkOf(place, kernel)
  if (!walk || node.attrs.ceil_mode === 1 || kernel.length === 0) return null
  const ones: Tensor = {
    dtype: 'f32',
    shape: [1, 1, ...kernel],
    data: new Float32Array(sizeOf(kernel)).fill(1),
  }
  const w = place.builder.constant(ones, `ones ${kernel}`)
  // One channel at a time.
  const alone = (id: ValueId) =>
    op('Reshape', [id, integers([-1, 1, ...shapeOf(id === dy ? node.outputs[0]! : id).slice(2)])])
  const counted = node.attrs.count_include_pad === 1 || walk.pads.every((n) => n === 0)
  const one = place.builder.constant({ dtype: 'f32', shape: [1], data: Float32Array.of(1) }, 'one f32')
  const all = () =>
    op('ConstantOfShape', [op('Shape', [alone(x)], {}, 'i64')], { value: { tensor: place.constantOf(one)! } })
  const { strides, dilations, pads } = walk
  const count = counted ? place.number(sizeOf(kernel)) : op('Conv', [all(), w], { strides, dilations, pads })
  return reshaped(place, transposed(place, op('Div', [alone(dy), count]), w, walk, 1, alone(x)), x)
}

/** Each element goes back to where the largest one of its window was. */
export function maxPool(place: Place): ValueId | null {
  const { node, builder, op, integers, dy } = place
  const x = node.inputs[0]!
  if (node.attrs.storage_order === 1) return null
  const again = op(node.op, [x], { ...node.attrs })
  const made = builder.nodes.pop()!
  const indices = `${again} indices`
  builder.values.set(indices, { id: indices, dtype: 'i64' })
  builder.nodes.push({ ...made, outputs: [again, indices] })
  const places = op('Reshape', [indices, integers([-1])], {}, 'i64')
  return reshaped(place, scattered(place, op('Size', [x], {}, 'i64'), places, dy), x)
}
