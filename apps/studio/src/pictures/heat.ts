/** A logarithmic scale of colours, from harmless to harmful. */
export interface HeatScale {
  /** Least and greatest positive value. */
  readonly min: number
  readonly max: number
  /** 0 (least) to 1 (greatest); zero and less are 0. */
  readonly at: (value: number) => number
  /** As CSS: a mix of the two ends of the ramp. */
  readonly colour: (value: number) => string
  /** The class of text on it, so that it has a contrast of 4.4 : 1 and more in light and dark. */
  readonly ink: (value: number) => string
}

/** The scale over all positive finite values; with none, everything is harmless. */
export function heatScale(values: Iterable<number | null>): HeatScale {
  let [min, max] = [Number.POSITIVE_INFINITY, 0]
  for (const value of values) {
    if (value === null || !(value > 0) || !Number.isFinite(value)) continue
    if (value < min) min = value
    if (value > max) max = value
  }
  const known = max > 0
  const span = known ? Math.log(max / min) : 0
  const at = (value: number) =>
    !known || !(value > 0) ? 0 : span === 0 ? 1 : Math.min(1, Math.max(0, Math.log(value / min) / span))
  const mix = (share: number) => `color-mix(in oklab, var(--heat-1) ${Math.round(share * 100)}%, var(--heat-0))`
  return {
    min: known ? min : 0,
    max,
    at,
    colour: (value) => mix(at(value)),
    // Black and white are equally far from a lightness of 0.56, which the ramp reaches at 0.51 in dark and at 0.72 in light.
    ink: (value) => (at(value) < 0.51 ? 'pic-ink-low' : at(value) < 0.72 ? 'pic-ink-mid' : 'pic-ink-high'),
  }
}

/** Powers of ten within the scale, for its legend; its ends when there are none. */
export function heatTicks({ min, max }: Pick<HeatScale, 'min' | 'max'>): number[] {
  if (max === 0) return []
  const [low, high] = [Math.ceil(Math.log10(min)), Math.floor(Math.log10(max))]
  const step = Math.max(1, Math.ceil((high - low) / 5))
  const powers: number[] = []
  for (let exponent = low; exponent <= high; exponent += step) powers.push(10 ** exponent)
  return powers.length > 1 ? powers : [...new Set([min, max])]
}
