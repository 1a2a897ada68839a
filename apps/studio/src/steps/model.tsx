import { Button } from '../controls/button.tsx'
import { Card } from '../controls/card.tsx'
import { Facts } from '../controls/facts.tsx'
import { ProblemCard } from '../controls/problem-card.tsx'
import { ProgressBar } from '../controls/progress-bar.tsx'
import { quantity, shapeText } from '../format.ts'
import { Dropzone } from '../inputs/dropzone.tsx'
import { bytes } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import type { InputInfo, ModelSummary } from '../worker/protocol.ts'
import { StepPage } from './step-page.tsx'

/** Opens a model, or the example. */
export function ModelStep() {
  const { model, busy, problems } = useStudio()
  const { openModel, tryExample } = useActions()
  const loading = busy?.task === 'openModel'
  return (
    <StepPage
      step="model"
      title={model ? 'Your model' : 'See what every bit buys'}
      lead={
        model
          ? 'This is what was read. Nothing is uploaded: the model is in this tab and nowhere else.'
          : 'Mixbit gives every layer of a neural network its own bit-width, from how much that layer hurts when it is quantized and from the budget that you set. All of it runs here, in this tab.'
      }
      next="Continue to data"
      missing="Open a model to go on."
    >
      <ProblemCard problem={problems.model} />
      {loading && <ProgressBar label="Reading the model" done={0} total={0} />}
      {model && <ModelCard model={model} />}
      {!model && (
        <section className="hero card" aria-labelledby="example">
          <div>
            <h2 id="example">New here? Start with the example</h2>
            <p className="soft">
              A small network that tells twelve shapes apart, with 120 pictures to calibrate and 600 to test. It takes
              less than a minute to the finished file.
            </p>
          </div>
          <div className="row">
            <Button kind="primary" disabled={loading} onClick={() => tryExample('onnx')}>
              Try the example
            </Button>
            <Button kind="quiet" disabled={loading} onClick={() => tryExample('tfjs')}>
              or as TF.js
            </Button>
          </div>
        </section>
      )}
      <Dropzone
        label={model ? 'Another model' : 'Drop your model here'}
        hint="An .onnx file with its data files, a TF.js folder (model.json and shards), or a .zip of either."
        folder
        small={model !== null}
        disabled={loading}
        onFiles={(files) => openModel({ files })}
      />
    </StepPage>
  )
}

function ModelCard({ model }: { model: ModelSummary }) {
  const { format, file, name, nodes, parameters, inputs, outputs, operators } = model
  return (
    <Card title={file} lead={name && name !== file ? `Graph ${name}` : undefined}>
      <Facts
        of={[
          ['Format', format === 'onnx' ? 'ONNX' : 'TF.js'],
          ['Nodes', quantity(nodes)],
          ['Parameters', quantity(parameters)],
          ['Size', bytes(model.bytes)],
        ]}
      />
      <div className="columns">
        <Ends title="Inputs" of={inputs} />
        <Ends title="Outputs" of={outputs} />
      </div>
      <div>
        <h3 className="label">Operators</h3>
        <ul className="tags">
          {operators.slice(0, 14).map(({ op, count }) => (
            <li key={op}>
              {op} <span className="faint">{count}</span>
            </li>
          ))}
          {operators.length > 14 && <li className="faint">and {operators.length - 14} more</li>}
        </ul>
      </div>
    </Card>
  )
}

const Ends = ({ title, of }: { title: string; of: readonly InputInfo[] }) => (
  <div>
    <h3 className="label">{title}</h3>
    <ul className="ends">
      {of.map(({ name, dtype, shape }) => (
        <li key={name}>
          <code>{name}</code>
          <span className="soft">
            {dtype} {shapeText(shape)}
          </span>
        </li>
      ))}
    </ul>
  </div>
)
