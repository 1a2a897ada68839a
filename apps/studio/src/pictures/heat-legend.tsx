import { number, tick as tickText } from './format.ts'
import { type HeatScale, heatTicks } from './heat.ts'

/** The ramp with its numbers. */
export function HeatLegend({ scale, what }: { readonly scale: HeatScale; readonly what: string }) {
  if (scale.max === 0) return null
  return (
    <div
      className="pic-ramp"
      role="img"
      aria-label={`${what}: from ${number(scale.min)} to ${number(scale.max)}, logarithmic`}
    >
      <span aria-hidden="true">{what}, log scale</span>
      <div className="pic-ramp-bar" aria-hidden="true" />
      <div className="pic-ramp-ticks" aria-hidden="true">
        {heatTicks(scale).map((tick) => (
          <span key={tick} style={{ left: `${100 * scale.at(tick)}%` }}>
            {tickText(tick)}
          </span>
        ))}
      </div>
    </div>
  )
}
