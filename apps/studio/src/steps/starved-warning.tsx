import { Button } from '../controls/button.tsx'
import { Icon } from '../controls/icon.tsx'
import { bitsText, list, number } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import { remedyFor, starvedOf, weightingName } from './choices.ts'

/** The last-layer warning: unmistakable, and one click away from its remedy. */
export function StarvedWarning() {
  const { solved, weightings, rivals, problems } = useStudio()
  const { setWeightings } = useActions()
  const current = solved?.weightings[0] ?? weightings[0]!
  // A budget that cannot be kept has no choice: what is there is that of the one before.
  const choice = problems.budget ? undefined : solved?.choices[0]
  const starved = choice?.outputLayers.filter((layer) => layer.starved) ?? []
  const remedy = starved.length > 0 ? remedyFor(current, rivals) : null
  return (
    <div aria-live="assertive">
      {starved.length > 0 && (
        <section className="starved" aria-label="Last-layer warning">
          <Icon name="alert" />
          <div>
            <h2>{list(starved.map(({ node }) => node))} is starved</h2>
            <p>
              {starved
                .map(
                  ({ node, bits, output }) =>
                    `${node}, the last layer before output ${output}, gets ${bitsText(bits)}.`,
                )
                .join(' ')}{' '}
              So few bits right before an output can ruin it: {weightingName(current)} counts what a layer does to
              everything behind it, and behind the last layer there is almost nothing.
            </p>
            {remedy ? (
              <div className="row">
                <Button
                  kind="danger"
                  onClick={() =>
                    setWeightings([
                      remedy.weighting,
                      ...weightings
                        .slice(1)
                        .map((other) => (other.method === remedy.weighting.method ? current : other)),
                    ])
                  }
                >
                  Switch to {remedy.weighting.method}
                </Button>
                <p className="hint">{remedyText(remedy, rivals, current.method)}</p>
              </div>
            ) : (
              rivals.length > 0 && (
                <p className="strong">No other weighting does better here: only a larger budget helps.</p>
              )
            )}
          </div>
        </section>
      )}
    </div>
  )
}

function remedyText(
  remedy: NonNullable<ReturnType<typeof remedyFor>>,
  rivals: Parameters<typeof remedyFor>[1],
  method: string,
) {
  const own = rivals.find(({ weighting }) => weighting.method === method)
  const free = starvedOf(remedy.choice).length === 0
  const loss = own ? `predicted output loss ${number(remedy.loss)} instead of ${number(own.loss)}` : ''
  return `${free ? 'Starves no output layer at the same budget' : 'Loses least at the same budget'}; ${loss}.`
}
