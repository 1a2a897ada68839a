import type { Session } from '@mixbit/adapter'
import { type Graph, MixbitError, type Tensor, type Tensors, type ValueId } from '@mixbit/graph'

/** As much of onnxruntime-node and onnxruntime-web as is used. */
export interface OrtRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<OrtSession> }
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => OrtTensor
}
interface OrtTensor {
  readonly type: string
  readonly data: unknown
  readonly dims: readonly number[]
}
interface OrtSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>
  release(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  f32: 'float32',
  f64: 'float64',
  f16: 'float16',
  i8: 'int8',
  u8: 'uint8',
  i16: 'int16',
  u16: 'uint16',
  i32: 'int32',
  u32: 'uint32',
  i64: 'int64',
  u64: 'uint64',
  bool: 'bool',
  string: 'string',
}
const dtypes = new Map(Object.entries(types).map(([dtype, type]) => [type, dtype as Tensor['dtype']]))

/** A session of onnxruntime that takes and gives tensors of the IR, checks its feeds, and releases exactly once. */
export function sessionOf(
  ort: OrtRuntime,
  session: OrtSession,
  graph: Pick<Graph, 'values'> | null,
  outputs: readonly ValueId[],
): Session {
  let released = false
  // Sweeps feed the same tensors again and again: each is checked and wrapped once for every input.
  const wrapped = new Map(session.inputNames.map((name) => [name, new WeakMap<Tensor, OrtTensor>()]))
  const wrap = (name: string, feeds: Tensors): OrtTensor => {
    const tensor = feeds.get(name)
    const known = tensor && wrapped.get(name)?.get(tensor)
    if (known) return known
    const fresh = ortTensor(ort, name, feeds, graph)
    if (tensor) wrapped.get(name)?.set(tensor, fresh)
    return fresh
  }
  return {
    async run(feeds) {
      if (released)
        throw new MixbitError('SESSION_DISPOSED', 'The session was disposed of and cannot run.', {
          hint: 'Run inside withSession, or dispose later.',
        })
      const inputs = Object.fromEntries(session.inputNames.map((name) => [name, wrap(name, feeds)]))
      const results = await session.run(inputs).catch((cause: Error) => {
        throw new MixbitError('ONNX_RUN', `onnxruntime could not run the model: ${cause.message}`, {
          hint: 'Check shapes and dtypes of the inputs.',
          cause,
        })
      })
      return new Map(
        outputs.map((id) => [
          id,
          irTensor(id, session.inputNames.includes(id) && !results[id] ? inputs[id] : results[id]),
        ]),
      )
    },
    async dispose() {
      if (released) return
      released = true
      await session.release()
    },
  }
}

function ortTensor(ort: OrtRuntime, name: string, feeds: Tensors, graph: Pick<Graph, 'values'> | null): OrtTensor {
  const tensor = feeds.get(name)
  if (!tensor)
    throw new MixbitError(
      'FEED_MISSING',
      `Input ${name} was not fed; fed were ${[...feeds.keys()].join(', ') || 'none'}.`,
      { hint: 'Feed every input of the model by its name.' },
    )
  const value = graph?.values.get(name)
  const fits =
    !value?.shape ||
    (value.shape.length === tensor.shape.length &&
      value.shape.every((dim, i) => typeof dim === 'string' || dim === tensor.shape[i]))
  if (value && (value.dtype !== tensor.dtype || !fits))
    throw new MixbitError(
      'FEED_MISMATCH',
      `Input ${name} is ${value.dtype}[${value.shape ?? '?'}], but ${tensor.dtype}[${tensor.shape}] was fed.`,
      { hint: 'Feed the shape and dtype that the model declares.' },
    )
  const type = types[tensor.dtype]
  if (!type)
    throw new MixbitError(
      'FEED_MISMATCH',
      `Input ${name} was fed as ${tensor.dtype}, which onnxruntime does not take.`,
      { hint: 'Feed whole bytes.' },
    )
  return new ort.Tensor(type as never, tensor.data as never, tensor.shape)
}

function irTensor(id: ValueId, tensor: OrtTensor | undefined): Tensor {
  const dtype = tensor && dtypes.get(tensor.type)
  if (!tensor || !dtype)
    throw new MixbitError(
      'ONNX_RUN',
      `Output ${id} has the element type ${tensor?.type}, which Mixbit does not read.`,
      { hint: 'Ask for other outputs.' },
    )
  return { dtype, shape: [...tensor.dims], data: tensor.data as Tensor['data'] }
}
