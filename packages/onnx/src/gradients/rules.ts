import type { Attr, ValueId } from '@mixbit/graph'
import { type Place, reshaped, unbroadcast, unmoved } from './place.ts'
import { averagePool, conv, convTranspose, maxPool } from './windows.ts'

/** The gradient by each input, in their order, of which only those by f32 values matter; null: not known. */
type Rule = (place: Place) => readonly (ValueId | null)[] | null

/** A rule for the first input, whatever the others are. */
const first =
  (rule: (place: Place) => ValueId | null): Rule =>
  (place) => {
    const gradient = rule(place)
    return gradient === null ? null : [gradient]
  }

/** A rule for functions of every element: x, y and dy to dx. */
const pointwise = (slope: (place: Place, x: ValueId, y: ValueId) => ValueId): Rule =>
  first((place) => place.op('Mul', [place.dy, slope(place, place.node.inputs[0]!, place.node.outputs[0]!)]))

/** A rule for two operands that are broadcast; each gradient as large as the result. */
const twoOperands =
  (rule: (place: Place, a: ValueId, b: ValueId) => readonly [ValueId, ValueId]): Rule =>
  (place) => {
    const { node, shapeOf } = place
    const [a, b] = node.inputs as [ValueId, ValueId]
    const shape = shapeOf(node.outputs[0]!)
    return rule(place, a, b).map((gradient, i) => unbroadcast(place, gradient, shape, [a, b][i]!))
  }

/** Half the width of the central difference: functions of an element are smooth at this scale, or have a kink that it hits seldom. */
const step = 2 ** -9

/** The slope of any function of one input's elements, by a central difference. */
const differences = (place: Place, input: number): readonly (ValueId | null)[] => {
  const { node, op, number, dy } = place
  const at = (change: number) => {
    const moved = op('Add', [node.inputs[input]!, number(change)])
    return op(node.op, node.inputs.with(input, moved), { ...node.attrs })
  }
  const slope = op('Div', [op('Sub', [at(step), at(-step)]), number(2 * step)])
  return node.inputs.map((_, i) => (i === input ? op('Mul', [dy, slope]) : null))
}

const integersOf = ({ node, constantOf }: Place, input: number, name: string): number[] | null => {
  const tensor = constantOf(node.inputs[input])
  if (tensor) return Array.from(tensor.data as BigInt64Array, Number)
  const attr = node.attrs[name]
  return Array.isArray(attr) ? (attr as number[]) : node.inputs[input] == null ? [] : null
}

/** The gradient, and y, with the axes that a reduction has taken away; no axes are all of them. */
function kept(place: Place): { dy: ValueId; y: ValueId } | null {
  const { node, op, integers, shapeOf, dy } = place
  const axes = integersOf(place, 1, 'axes')
  if (!axes) return null
  const y = node.outputs[0]!
  if (axes.length === 0 && node.attrs.noop_with_empty_axes === 1) return null
  if (node.attrs.keepdims === 0) {
    const all = shapeOf(node.inputs[0]!).map((_, i) => i)
    const at = integers(axes.length > 0 ? axes : all)
    return { dy: op('Unsqueeze', [dy, at]), y: op('Unsqueeze', [y, at]) }
  }
  return { dy, y }
}

const expanded = ({ op, node }: Place, data: ValueId) => op('Expand', [data, op('Shape', [node.inputs[0]!], {}, 'i64')])

/** Elements of the input for every one of the output. */
const share = ({ op, node }: Place) => {
  const size = (id: ValueId) => op('Cast', [op('Size', [id], {}, 'i64')], { to: 1 })
  return op('Div', [size(node.inputs[0]!), size(node.outputs[0]!)])
}

const sum = first((place) => {
  const found = kept(place)
  return found && expanded(place, found.dy)
})
const mean = first((place) => {
  const found = kept(place)
  return found && expanded(place, place.op('Div', [found.dy, share(place)]))
})
/** Of several equal ones, each. */
const extreme = first((place) => {
  const found = kept(place)
  if (!found) return null
  const { op, node } = place
  const chosen = op('Cast', [op('Equal', [node.inputs[0]!, found.y], {}, 'bool')], { to: 1 })
  return op('Mul', [chosen, found.dy])
})

const swapped = ({ op, shapeOf }: Place, id: ValueId) => {
  const rank = shapeOf(id).length
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i))
  return op('Transpose', [id], { perm })
}

const matmul: Rule = (place) => {
  const { node, op, dy, shapeOf } = place
  const [a, b] = node.inputs as [ValueId, ValueId]
  const shape = shapeOf(node.outputs[0]!)
  const [across, down] = [shapeOf(a), shapeOf(b)]
  if (across.length < 2 || down.length < 2) return null
  const batch = shape.slice(0, -2)
  return [
    unbroadcast(place, op('MatMul', [dy, swapped(place, b)]), [...batch, ...across.slice(-2)], a),
    unbroadcast(place, op('MatMul', [swapped(place, a), dy]), [...batch, ...down.slice(-2)], b),
  ]
}

const gemm = first(({ node, op, dy }) => {
  const { alpha, transA, transB } = node.attrs
  if (transA === 1) return null
  return op('Gemm', [dy, node.inputs[1]!], { transB: transB === 1 ? 0 : 1, ...(alpha !== undefined && { alpha }) })
})

const axisOf = (attr: Attr | undefined, otherwise: number, rank: number) =>
  ((typeof attr === 'number' ? attr : otherwise) + rank) % rank

const sumOver = ({ op, integers }: Place, data: ValueId, axis: number) =>
  op('ReduceSum', [data, integers([axis])], { keepdims: 1 })

const softmax = first((place) => {
  const { node, op, shapeOf, dy } = place
  const y = node.outputs[0]!
  const product = op('Mul', [dy, y])
  const total = sumOver(place, product, axisOf(node.attrs.axis, -1, shapeOf(y).length))
  return op('Sub', [product, op('Mul', [y, total])])
})

/** Over the last axis: with s = dy * scale, (s - mean(s) - xhat mean(s xhat)) / deviation. */
const layerNormalization = first((place) => {
  const { node, op, number, shapeOf, dy } = place
  const [x, scale] = node.inputs as [ValueId, ValueId]
  const last = shapeOf(x).length - 1
  if (axisOf(node.attrs.axis, -1, last + 1) !== last) return null
  const epsilon = (node.attrs.epsilon as { float?: number } | undefined)?.float ?? 1e-5
  const average = (data: ValueId) => op('Div', [sumOver(place, data, last), number(shapeOf(x)[last]!)])
  const centred = op('Sub', [x, average(x)])
  const deviation = op('Sqrt', [op('Add', [average(op('Mul', [centred, centred])), number(epsilon)])])
  const normal = op('Div', [centred, deviation])
  const scaled = op('Mul', [dy, scale])
  const along = op('Mul', [normal, average(op('Mul', [scaled, normal]))])
  return op('Div', [op('Sub', [op('Sub', [scaled, average(scaled)]), along]), deviation])
})

const concat: Rule = ({ node, op, integers, shapeOf, dy }) => {
  const axis = axisOf(node.attrs.axis, 0, shapeOf(node.outputs[0]!).length)
  let at = 0
  return node.inputs.map((id) => {
    const start = at
    at += shapeOf(id!)[axis]!
    return op('Slice', [dy, integers([start]), integers([at]), integers([axis])])
  })
}

const split = first(({ node, op, gradients }) => {
  const parts = node.outputs.map((id, i) => gradients[i] ?? (id ? op('Sub', [id, id]) : null))
  if (parts.some((part) => part === null)) return null
  return op('Concat', parts, { axis: (node.attrs.axis as number | undefined) ?? 0 })
})

const flat = first((place) => reshaped(place, place.dy, place.node.inputs[0]!))
const moved = first(unmoved)

const rules: Readonly<Record<string, Rule>> = {
  Conv: first(conv),
  ConvTranspose: first(convTranspose),
  MaxPool: first(maxPool),
  AveragePool: first(averagePool),
  GlobalAveragePool: first((place) => expanded(place, place.op('Div', [place.dy, share(place)]))),
  GlobalMaxPool: first(({ node, op, dy }) =>
    op('Mul', [op('Cast', [op('Equal', [node.inputs[0]!, node.outputs[0]!], {}, 'bool')], { to: 1 }), dy]),
  ),
  MatMul: matmul,
  Gemm: gemm,
  Add: twoOperands(({ dy }) => [dy, dy]),
  Sub: twoOperands(({ dy, op }) => [dy, op('Neg', [dy])]),
  Mul: twoOperands(({ dy, op }, a, b) => [op('Mul', [dy, b]), op('Mul', [dy, a])]),
  Div: twoOperands(({ dy, op, node }, _, b) => {
    const by = op('Div', [dy, b])
    return [by, op('Neg', [op('Mul', [by, node.outputs[0]!])])]
  }),
  Relu: pointwise(({ op, number }, x) => op('Cast', [op('Greater', [x, number(0)], {}, 'bool')], { to: 1 })),
  Clip: pointwise(({ node, op, number }, x) => {
    const [low, high] = node.inputs.slice(1)
    const compared = (name: string, bound: ValueId) => op('Cast', [op(name, [x, bound], {}, 'bool')], { to: 1 })
    const inside = [low ? [compared('Greater', low)] : [], high ? [compared('Less', high)] : []].flat()
    return inside.reduce((a, b) => op('Mul', [a, b]), number(1))
  }),
  Exp: pointwise((_, _x, y) => y),
  Log: pointwise(({ op }, x) => op('Reciprocal', [x])),
  Sqrt: pointwise(({ op, number }, _, y) => op('Div', [number(0.5), y])),
  Reciprocal: pointwise(({ op }, _, y) => op('Neg', [op('Mul', [y, y])])),
  Neg: first(({ op, dy }) => op('Neg', [dy])),
  Softmax: softmax,
  LayerNormalization: layerNormalization,
  ReduceSum: sum,
  ReduceMean: mean,
  ReduceMax: extreme,
  ReduceMin: extreme,
  Reshape: flat,
  Flatten: flat,
  Squeeze: flat,
  Unsqueeze: flat,
  Identity: flat,
  Dropout: flat,
  Transpose: first(({ node, op, dy, shapeOf }) => {
    const rank = shapeOf(node.inputs[0]!).length
    const perm =
      (node.attrs.perm as readonly number[] | undefined) ?? Array.from({ length: rank }, (_, i) => rank - 1 - i)
    return op('Transpose', [dy], { perm: perm.map((_, i) => perm.indexOf(i)) })
  }),
  Expand: first((place) => unbroadcast(place, place.dy, place.shapeOf(place.node.outputs[0]!), place.node.inputs[0]!)),
  Concat: concat,
  Split: split,
  Slice: moved,
  Pad: first((place) => {
    const { node } = place
    if ((node.attrs.mode ?? 'constant') !== 'constant') return null
    // Whatever it fills up with, it is no number of an element.
    return unmoved({ ...place, node: { ...node, inputs: node.inputs.map((id, i) => (i === 2 ? null : id)) } })
  }),
  DepthToSpace: moved,
  SpaceToDepth: moved,
  Gather: moved,
}

/** The gradients by a node's inputs; null where no rule gives them. `live`: the inputs that matter. */
export function gradientsOf(place: Place, live: readonly number[]): readonly (ValueId | null)[] | null {
  const { node, gradients } = place
  // Rules for the first output alone; only `Split` has more.
  if (node.op !== 'Split' && (gradients[0] == null || gradients.slice(1).some((id) => id !== null))) return null
  const rule = rules[node.op]
  const found = rule ? rule(place) : isElementwise(place, live) ? differences(place, live[0]!) : null
  return found && live.every((i) => found[i] != null) ? found : null
}

function isElementwise({ node, shapeOf }: Place, live: readonly number[]): boolean {
  const known = ['activation', 'sigmoid', 'elementwise', 'batchNorm'].includes(node.kind)
  return known && live.length === 1 && `${shapeOf(node.inputs[live[0]!]!)}` === `${shapeOf(node.outputs[0]!)}`
}
