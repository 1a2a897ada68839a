import { Card } from '../controls/card.tsx'
import { bytes, decibel, number, percent } from '../pictures/format.ts'
import { useStudio } from '../state/context.tsx'
import type { Result } from '../worker/protocol.ts'
import { weightingName } from './choices.ts'

/** What was measured of the written files, beside the float model. */
export function ResultTable({ results }: { results: readonly Result[] }) {
  const { model } = useStudio()
  const accuracy = results[0]!.accuracy
  const outputs = results[0]!.record.distances.toFloat.map(({ output }) => output)
  const each = (text: (result: Result) => string) => results.map(text)
  return (
    <Card
      title="Measured"
      lead={
        accuracy ? `Accuracy on ${accuracy.samples} labelled samples.` : 'Add labelled test data to see the accuracy.'
      }
    >
      <div className="table-box">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">Measure</span>
              </th>
              <th scope="col" className="number">
                Float
              </th>
              {results.map(({ weighting }) => (
                <th key={weighting.method} scope="col" className="number">
                  {weightingName(weighting)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {accuracy && (
              <Row
                name="Accuracy"
                float={percent(accuracy.float)}
                values={each(({ accuracy }) => percent(accuracy!.quantized))}
                strong
              />
            )}
            <Row name="File" float={bytes(model!.bytes)} values={each(({ file }) => bytes(file.bytes.length))} strong />
            <Row
              name="Weights"
              float={bytes(results[0]!.record.floatUtilization.weightsMemory)}
              values={each(
                ({ record }) =>
                  `${bytes(record.utilization.weightsMemory)} (${percent(record.utilization.weightsMemory / record.floatUtilization.weightsMemory)})`,
              )}
            />
            {outputs.map((output, i) => (
              <Row
                key={output}
                name={`Signal to noise at ${output}`}
                float="–"
                values={each(({ record }) => decibel(record.distances.toFloat[i]?.sqnr))}
              />
            ))}
            {outputs.map((output, i) => (
              <Row
                key={output}
                name={`Same largest value at ${output}`}
                float="–"
                values={each(({ record }) => {
                  const agreement = record.distances.toFloat[i]?.top1Agreement
                  return agreement === null || agreement === undefined ? '–' : percent(agreement)
                })}
              />
            ))}
            {outputs.map((output, i) => (
              <Row
                key={output}
                name={`Mean squared error at ${output}`}
                float="–"
                values={each(({ record }) => number(record.distances.toFloat[i]?.mse))}
              />
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  )
}

const Row = ({
  name,
  float,
  values,
  strong,
}: {
  name: string
  float: string
  values: readonly string[]
  strong?: boolean
}) => (
  <tr className={strong ? 'strong' : undefined}>
    <th scope="row">{name}</th>
    <td className="number soft">{float}</td>
    {values.map((value, i) => (
      <td key={i} className="number">
        {value}
      </td>
    ))}
  </tr>
)
