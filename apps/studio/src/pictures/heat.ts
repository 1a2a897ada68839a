/** A logarithmic scale of colours, from harmless to harmful. */
export interface HeatScale {
  /** Least and greatest positive value. */
  readonly min: number
  readonly max: number
  /** 0 (least) to 1 (greatest); zero and less are 0. */
  readonly at: (value: number) => number
  /** As CSS: a mix of the two ends of the ramp. */
  readonly colour: (value: number) => string
  /** The class of text on it, so that it has a contrast of 4.5 : 1 and more in light and dark. */
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
  const share = (value: number) => Math.round(at(value) * 100)
  return {
    min: known ? min : 0,
    max,
    at,
    colour: (value) => `color-mix(in oklab, var(--heat-1) ${share(value)}%, var(--heat-0))`,
    // Where black and white ink have the same contrast: between 50 and 51 % in dark, between 72 and 73 % in light.
    ink: (value) => (share(value) <= 50 ? 'pic-ink-low' : share(value) <= 72 ? 'pic-ink-mid' : 'pic-ink-high'),
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
