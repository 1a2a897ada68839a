import { MixbitError } from '@mixbit/graph'

/**
 * Watches values batch by batch. States are plain data that can be stored and sent to a worker; the functions are pure.
 * `merge` joins what two observers saw, so batches may be observed apart and in any order.
 */
export interface Observer<State> {
  readonly empty: State
  /** `shape` is needed only by observers per channel. NaN is refused; infinities are counted by none, and skipped. */
  observe(state: State, data: Float32Array, shape?: readonly number[]): State
  merge(a: State, b: State): State
}

/** @throws MixbitError `OBSERVATION_NOT_FINITE`: NaN in what is observed says that data or model are broken. */
export function refuseNaN(index: number): never {
  throw new MixbitError('OBSERVATION_NOT_FINITE', `Element ${index} of an observed value is NaN.`, {
    hint: 'Check the calibration data and the model for NaN.',
    context: { index },
  })
}
