import { bytes, decibel, number, percent } from './format.ts'

type Sizes = Readonly<Record<string, number | null>>

export interface FactsProps {
  readonly report: {
    readonly budget: Sizes
    readonly utilization: Sizes
    /** Of the float model. */
    readonly floatUtilization: {
      readonly weightsMemory: number
      readonly fileSize: number | null
      readonly transferSize: number | null
    }
    /** Of the written file; null without one. */
    readonly bytes: number | null
    readonly transferBytes: { readonly gzip: number | null; readonly brotli: number | null } | null
    readonly distances: {
      readonly toFloat: readonly {
        readonly output: string
        readonly sqnr: number
        readonly cosine: number
        readonly top1Agreement: number | null
      }[]
      readonly toSimulation: readonly { readonly output: string; readonly sqnr: number }[]
    }
  }
}

interface Fact {
  readonly name: string
  readonly value: string
  readonly more: readonly string[]
}

/** Sizes, shares and distances, each with its budget. */
export function Facts({ report }: FactsProps) {
  return (
    <dl className="pic-facts">
      {factsOf(report).map(({ name, value, more }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span className="pic-fact">{value}</span>
            {more.map((line) => (
              <span key={line} className="pic-soft">
                {line}
              </span>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** The facts of a report, those first that people ask for first. */
export function factsOf({
  budget,
  utilization,
  floatUtilization: float,
  bytes: size,
  transferBytes,
  distances,
}: FactsProps['report']): Fact[] {
  const sized = (
    name: string,
    value: number | null | undefined,
    whole: number | null,
    limit: number | null | undefined,
  ): Fact[] =>
    value === null || value === undefined
      ? []
      : [
          {
            name,
            value: bytes(value),
            more: [...(whole ? [`${percent(value / whole)} of ${bytes(whole)}`] : []), ...limitText(limit, bytes)],
          },
        ]
  const wire = transferBytes
    ? (['brotli', 'gzip'] as const).flatMap((coding) => {
        const count = transferBytes[coding]
        return count === null ? [] : [`${bytes(count)} under ${coding}`]
      })
    : []
  return [
    ...sized('file', size, float.fileSize, budget.fileSize),
    ...sized('weights', utilization.weightsMemory, float.weightsMemory, budget.weightsMemory),
    ...sized('activations at the peak', utilization.activationMemory, null, budget.activationMemory),
    ...sized('weights and activations', utilization.totalMemory, null, budget.totalMemory),
    ...(utilization.bops
      ? [{ name: 'bit operations', value: number(utilization.bops), more: limitText(budget.bops, number) }]
      : []),
    ...(wire.length > 0
      ? [{ name: 'on the wire', value: wire[0]!, more: [...wire.slice(1), ...limitText(budget.transferSize, bytes)] }]
      : []),
    ...distances.toFloat.map(({ output, sqnr, cosine, top1Agreement }) => ({
      name: `${output}, against float`,
      value: decibel(sqnr),
      more: [
        ...(top1Agreement === null ? [] : [`${percent(top1Agreement)} top-1 agreement`]),
        ...(sqnr >= 200 ? [] : [`cosine ${cosine.toFixed(5)}`]),
      ],
    })),
    ...distances.toSimulation.map(({ output, sqnr }) => ({
      name: `${output}, file against simulation`,
      value: decibel(sqnr),
      more: [],
    })),
  ]
}

const limitText = (limit: number | null | undefined, text: (n: number) => string) =>
  limit === null || limit === undefined ? [] : [`budget ${text(limit)}`]
