import type { Attr, OpKind, Value, ValueId, Weight } from './graph.ts'

/** The usual (ONNX) operators of each kind; the first is the one that the bare kind stands for. */
const operators: Readonly<Record<OpKind, readonly string[]>> = {
  conv: ['Conv'],
  depthwiseConv: ['Conv'],
  convTranspose: ['ConvTranspose'],
  dense: ['Gemm'],
  matmul: ['MatMul'],
  embedding: ['Gather'],
  recurrent: ['LSTM', 'GRU', 'RNN'],
  add: ['Add'],
  mul: ['Mul'],
  concat: ['Concat'],
  stack: ['Stack'],
  activation: ['Relu', 'LeakyRelu', 'Clip', 'HardSwish', 'HardSigmoid', 'Gelu', 'Elu', 'PRelu', 'Tanh'],
  sigmoid: ['Sigmoid'],
  softmax: ['Softmax', 'LogSoftmax'],
  batchNorm: ['BatchNormalization'],
  layerNorm: ['LayerNormalization'],
  maxPool: ['MaxPool', 'GlobalMaxPool'],
  averagePool: ['AveragePool', 'GlobalAveragePool'],
  pad: ['Pad'],
  reduce: ['ReduceMean', 'ReduceSum', 'ReduceMax'],
  resize: ['Resize'],
  gather: ['Gather'],
  elementwise: ['Exp', 'Sub', 'Div', 'Sqrt', 'Neg', 'Abs', 'Pow', 'Erf'],
  reshapeLike: ['Reshape', 'Transpose', 'Flatten', 'Squeeze', 'Unsqueeze'],
  identity: ['Identity'],
  constant: ['Constant'],
  fakeQuantize: ['FakeQuantize'],
  opaque: ['Opaque'],
}

/** Every kind there is. */
export const opKinds = Object.keys(operators) as readonly OpKind[]

export const isKind = (word: string): word is OpKind => Object.hasOwn(operators, word)

/** What one word in place of `kind Op` means: a kind, an operator in any spelling, or else an opaque operator. */
export function shorthand(word: string): { kind: OpKind; op: string } {
  if (isKind(word)) return { kind: word, op: operators[word][0]! }
  for (const [kind, ops] of Object.entries(operators)) {
    const op = ops.find((candidate) => candidate.toLowerCase() === word.toLowerCase())
    if (op) return { kind: kind as OpKind, op }
  }
  return { kind: 'opaque', op: word }
}

/** The weights of a node in the usual layouts, for those that are constants of known shape. */
export function impliedWeights(
  kind: OpKind,
  inputs: readonly (ValueId | null)[],
  attrs: Readonly<Record<string, Attr>>,
  values: ReadonlyMap<ValueId, Value>,
): Weight[] {
  const input = kind === 'embedding' ? 0 : 1
  const rank = values.get(inputs[input] ?? '')?.tensor?.shape.length
  if (rank === undefined) return []
  const axis = {
    conv: 0,
    depthwiseConv: 0,
    embedding: 0,
    convTranspose: 1,
    dense: attrs.transB === 1 ? 0 : 1,
    matmul: rank - 1,
  } as const
  const own = (axis as Partial<Record<OpKind, number>>)[kind]
  return own === undefined ? [] : [{ input, axis: own }]
}
