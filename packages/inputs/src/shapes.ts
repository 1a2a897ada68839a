import { MixbitError } from '@mixbit/graph'
import type { InputSpec } from './types.ts'

/**
 * The extents of one sample: as declared, dynamic ones from `--input-shape`, else 1.
 * @throws MixbitError `DATA_MISMATCH` when the given shape contradicts the model's, or the rank is unknown and not given.
 */
export function resolveShape(spec: InputSpec, given?: ReadonlyMap<string, readonly number[]>): readonly number[] {
  const wanted = given?.get(spec.name)
  if (!spec.shape && !wanted)
    throw new MixbitError('DATA_MISMATCH', `The model does not say which shape its input "${spec.name}" has.`, {
      hint: `Add --input-shape ${spec.name}=1,3,224,224.`,
      context: { input: spec.name },
    })
  if (!wanted) return spec.shape!.map((n) => (typeof n === 'number' ? n : 1))
  if (spec.shape && !fits(wanted, spec.shape))
    throw new MixbitError(
      'DATA_MISMATCH',
      `--input-shape ${spec.name}=${wanted} contradicts the model's shape [${spec.shape}].`,
      {
        hint: 'Only dynamic extents are free.',
        context: { given: wanted, shape: spec.shape },
      },
    )
  return wanted
}

/** True when every fixed extent is the same. */
export function fits(shape: readonly number[], declared: readonly (number | string)[]): boolean {
  return shape.length === declared.length && declared.every((n, i) => typeof n === 'string' || n === shape[i])
}
