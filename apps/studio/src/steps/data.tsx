import { Button } from '../controls/button.tsx'
import { Card } from '../controls/card.tsx'
import { Icon } from '../controls/icon.tsx'
import { ProblemCard } from '../controls/problem-card.tsx'
import { ProgressBar } from '../controls/progress-bar.tsx'
import { Dropzone } from '../inputs/dropzone.tsx'
import { Preprocessing } from '../inputs/preprocessing.tsx'
import { PreviewStrip } from '../inputs/preview-strip.tsx'
import { save } from '../inputs/save.ts'
import { count, number } from '../pictures/format.ts'
import { useActions, useStudio } from '../state/context.tsx'
import type { DataSummary, NamedFile, Role } from '../worker/protocol.ts'
import { StepPage } from './step-page.tsx'

/** Samples for calibration, and a labelled test set if there is one. */
export function DataStep() {
  const { model, data, busy, problems } = useStudio()
  const { calibration, test } = data
  const pictures = model!.inputs.length === 1 && model!.inputs[0]!.picture
  return (
    <StepPage
      step="data"
      title="Data"
      lead="Some inputs as the model meets them in use, without labels: 32 to 128 are enough. They show the range of every activation and how much each layer hurts."
      next="Continue to sensitivity"
      missing="Choose calibration data to go on."
    >
      <ProblemCard problem={problems.data} />
      {busy?.task === 'loadData' && <ProgressBar label="Reading samples" done={0} total={0} />}
      <CalibrationCard data={calibration} pictures={pictures} />
      {(calibration?.kind === 'pictures' || (pictures && !calibration)) && <Preprocessing />}
      <TestCard data={test} pictures={pictures} />
    </StepPage>
  )
}

const hintFor = (pictures: boolean) =>
  pictures
    ? 'A folder of pictures (JPEG, PNG, WebP …), or arrays as .npz, .npy or .json.'
    : 'Arrays as .npz (one key for each input), .npy or .json, with the samples along the first axis.'

function CalibrationCard({ data, pictures }: { data: DataSummary | null; pictures: boolean }) {
  const { model } = useStudio()
  const { chooseData } = useActions()
  const take = (files: readonly NamedFile[]) => chooseData('calibration', { source: { files }, labels: null })
  return (
    <Card
      title="Calibration"
      lead={data ? undefined : 'Nothing chosen yet.'}
      actions={data && <DownloadArrays of="calibration" />}
    >
      {data && <Samples data={data} />}
      <div className="row wide">
        <Dropzone
          label={data ? 'Other data' : 'Drop calibration data here'}
          hint={hintFor(pictures)}
          folder
          small={data !== null}
          onFiles={take}
        />
        {model!.example && !data?.example && (
          <Button onClick={() => chooseData('calibration', { source: { example: true }, labels: null })}>
            Use the example's pictures
          </Button>
        )}
      </div>
    </Card>
  )
}

function TestCard({ data, pictures }: { data: DataSummary | null; pictures: boolean }) {
  const { model, chosen } = useStudio()
  const { chooseData } = useActions()
  const { source, labels } = chosen.test
  return (
    <Card
      title="Test data"
      lead="Optional: samples with labels, so that the result says how many answers are right before and after."
      actions={data && <DownloadArrays of="test" />}
    >
      {data && <Samples data={data} />}
      {source && !data?.labelled && (
        <p className="notice calm">
          <Icon name="alert" />
          <span>Without labels nothing can be counted: add a file of class indices below.</span>
        </p>
      )}
      <div className="columns">
        <Dropzone
          label="Test samples"
          hint={`${hintFor(pictures)} An array "labels" in a .npz counts as labels.`}
          folder
          small
          onFiles={(files) => chooseData('test', { source: { files }, labels })}
        />
        <Dropzone
          label={labels ? labels.name : 'Labels'}
          hint="Class indices, one for each sample: lines, “name, index” lines, or JSON."
          accept=".txt,.csv,.tsv,.json"
          small
          onFiles={([first]) => chooseData('test', { source, labels: first!.file })}
        />
      </div>
      {model!.example && !data?.example && (
        <div className="row">
          <Button onClick={() => chooseData('test', { source: { example: true }, labels: null })}>
            Use the example's test pictures
          </Button>
        </div>
      )}
    </Card>
  )
}

function Samples({ data }: { data: DataSummary }) {
  const { min, max, mean } = data.range
  return (
    <div className="samples">
      <p>
        <strong>{count(data.samples, data.kind === 'pictures' ? 'picture' : 'sample')}</strong>
        {data.labelled && ' with labels'}
        <span className="soft">
          {' '}
          · the network sees numbers from {number(min)} to {number(max)}, {number(mean)} on average
        </span>
      </p>
      {data.warnings.map((warning) => (
        <p key={warning} className="hint">
          {warning}
        </p>
      ))}
      <PreviewStrip previews={data.previews} />
    </div>
  )
}

function DownloadArrays({ of: role }: { of: Role }) {
  const { exportData } = useActions()
  return (
    <Button
      kind="quiet"
      title="The samples as the network gets them: the command line reproduces the result from this file"
      onClick={async () => {
        const bytes = await exportData(role)
        if (bytes) save(`${role}.npz`, bytes)
      }}
    >
      <Icon name="download" />
      Download as .npz<span className="visually-hidden"> ({role} data)</span>
    </Button>
  )
}
