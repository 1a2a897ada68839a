import { MixbitError, sizeOf, type Tensor } from '@mixbit/graph'
import { cast } from './arrays.ts'
import { resolveShape } from './shapes.ts'
import type { InputSpec } from './types.ts'

/**
 * The tensor of a constant input, from `zeros`, `ones`, one number that fills it, or as many numbers as it holds.
 * @throws MixbitError `DATA_MISMATCH` when the count does not fit, `OPTION_INVALID` when the text is no number.
 */
export function constantInput(spec: InputSpec, text: string, shapes?: ReadonlyMap<string, readonly number[]>): Tensor {
  const shape = resolveShape(spec, shapes)
  const size = sizeOf(shape)
  const words: Record<string, number> = { zeros: 0, ones: 1 }
  const numbers = text in words ? [words[text]!] : text.split(',').map(Number)
  if (text.trim() === '' || numbers.some((n) => !Number.isFinite(n)))
    throw new MixbitError('OPTION_INVALID', `--set ${spec.name}=${text} is neither zeros, ones nor numbers.`, {
      hint: `For example --set ${spec.name}=zeros.`,
    })
  if (numbers.length !== 1 && numbers.length !== size)
    throw new MixbitError(
      'DATA_MISMATCH',
      `--set ${spec.name} has ${numbers.length} numbers, but the input of shape [${shape}] holds ${size}.`,
      {
        hint: 'Give one number for all elements, or one for each.',
        context: { shape, given: numbers.length },
      },
    )
  const data = Float64Array.from({ length: size }, (_, i) => numbers[i] ?? numbers[0]!)
  return cast({ dtype: 'f64', shape, data }, spec.dtype, `--set ${spec.name}`)
}
