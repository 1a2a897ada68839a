import { Card } from '../controls/card.tsx'
import { ComparisonTable } from '../controls/comparison-table.tsx'
import { bytes, decibel, number, percent } from '../pictures/format.ts'
import { useStudio } from '../state/context.tsx'
import type { Result } from '../worker/protocol.ts'
import { predictedDistance, weightingName } from './choices.ts'

/** What was measured of the written files, beside the float model. */
export function ResultTable({ results }: { results: readonly Result[] }) {
  const { model, analysis, solved } = useStudio()
  const [{ accuracy, record }] = results as [Result]
  const each = (text: (result: Result, i: number) => string) => results.map(text)
  const outputs = record.distances.toFloat.map(({ output }, i) => ({
    output,
    at: (r: Result) => r.record.distances.toFloat[i],
  }))
  const rows = [
    ...(accuracy
      ? [
          {
            name: 'Accuracy',
            cells: [percent(accuracy.float), ...each(({ accuracy }) => percent(accuracy?.quantized))],
            strong: true,
          },
        ]
      : []),
    { name: 'File', cells: [bytes(model!.bytes), ...each(({ file }) => bytes(file.bytes.length))], strong: true },
    {
      name: 'Weights',
      cells: [
        bytes(record.floatUtilization.weightsMemory),
        ...each(({ record }) => bytes(record.utilization.weightsMemory)),
      ],
    },
    {
      name: 'Share of float weights',
      cells: [percent(1), ...each(({ record }) => percent(shareOf(record)))],
    },
    {
      name: 'Predicted distance of outputs',
      cells: ['–', ...each((_, i) => number(solved?.choices[i] && predictedDistance(analysis!, solved.choices[i])))],
    },
    ...outputs.flatMap(({ output, at }) => [
      { name: `Signal to noise at ${output}`, cells: ['–', ...each((result) => decibel(at(result)?.sqnr))] },
      { name: `Mean squared error at ${output}`, cells: ['–', ...each((result) => number(at(result)?.mse))] },
      {
        name: `Same largest value at ${output}`,
        cells: ['–', ...each((result) => percent(at(result)?.top1Agreement))],
      },
    ]),
  ]
  const columns = [
    { id: 'float', name: 'Float' },
    ...results.map(({ weighting }, i) => ({ id: String(i), name: weightingName(weighting) })),
  ]
  return (
    <Card
      title="Measured"
      lead={
        accuracy
          ? `Accuracy on ${accuracy.samples} labelled samples; distances to the float model on the calibration data.`
          : 'Distances to the float model on the calibration data. Labelled test data would give the accuracy too.'
      }
    >
      <ComparisonTable label="What was measured" columns={columns} rows={rows} />
    </Card>
  )
}

const shareOf = ({ utilization, floatUtilization }: Result['record']) =>
  utilization.weightsMemory / floatUtilization.weightsMemory
