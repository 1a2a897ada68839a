import type { RunRecord } from '@mixbit/core'
import { Card } from '../controls/card.tsx'
import { ScrollBox } from '../controls/scroll-box.tsx'
import { BitsChip } from '../pictures/bits.tsx'
import { bytes, number } from '../pictures/format.ts'

/** Every layer with its bits, and why. */
export function LayerTable({ record }: { record: RunRecord }) {
  return (
    <Card title="Why each layer got its bits" lead="What one step more or less would cost and change.">
      <ScrollBox label="Layers">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">Bits</th>
              <th scope="col" className="number">
                Bytes
              </th>
              <th scope="col" className="number">
                Sensitivity
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {record.layers.map(({ node, bits, bytes: size, sensitivity, reason }) => (
              <tr key={node}>
                <th scope="row">{node}</th>
                <td>
                  <BitsChip bits={bits} />
                </td>
                <td className="number">{bytes(size)}</td>
                <td className="number">{number(sensitivity)}</td>
                <td className="soft reason">{reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </Card>
  )
}
