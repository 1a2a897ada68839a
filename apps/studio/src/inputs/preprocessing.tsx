import { type ImageFlags, presets } from '@mixbit/inputs'
import { Card } from '../controls/card.tsx'
import { ChoiceGroup } from '../controls/choice-group.tsx'
import { Field } from '../controls/field.tsx'
import { TextInput } from '../controls/text-input.tsx'
import { useActions, useStudio } from '../state/context.tsx'

const presetTitles: Readonly<Record<string, string>> = {
  imagenet: 'ImageNet (PyTorch)',
  'imagenet-tf': 'ImageNet (TensorFlow), −1 to 1',
  caffe: 'Caffe, BGR minus mean',
  cifar10: 'CIFAR-10',
  unit: '0 to 1',
  raw: '0 to 255, as they are',
}

const numbers = (text: string): number[] | undefined => {
  const list = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(Number)
  return list.length > 0 && list.every(Number.isFinite) ? list : undefined
}
const listed = (values: readonly number[] | number): string =>
  [values]
    .flat()
    .map((value) => Number((value as number).toPrecision(6)))
    .join(', ')

/** How pictures become numbers: a preset, and whatever differs from it. The previews follow at once. */
export function Preprocessing() {
  const { image, samples } = useStudio()
  const { changeImage } = useActions()
  const preset = presets[image.preset ?? 'unit']!
  const change = (flags: ImageFlags) => changeImage({ ...image, ...flags }, samples)
  return (
    <Card
      title="Preprocessing"
      lead="As in training: (pixel × scale − mean) ÷ std. The pictures above show the outcome."
    >
      <div className="fields">
        <Field label="Preset">
          {(ids) => (
            <select
              {...ids}
              className="input"
              value={image.preset}
              onChange={(event) => changeImage({ preset: event.target.value }, samples)}
            >
              {Object.keys(presets).map((name) => (
                <option key={name} value={name}>
                  {presetTitles[name] ?? name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="At most so many" hint="evenly spread over the files">
          {(ids) => (
            <TextInput
              {...ids}
              inputMode="numeric"
              value={String(samples)}
              onCommit={(text) => changeImage(image, Math.max(1, Math.round(Number(text) || samples)))}
            />
          )}
        </Field>
        <Field label="Scale">
          {(ids) => (
            <TextInput
              {...ids}
              value={listed(image.scale ?? preset.scale)}
              onCommit={(text) => change({ scale: numbers(text)?.[0] })}
            />
          )}
        </Field>
        <Field label="Mean" hint="one number, or one for each channel">
          {(ids) => (
            <TextInput
              {...ids}
              value={listed(image.mean ?? preset.mean)}
              onCommit={(text) => change({ mean: numbers(text) })}
            />
          )}
        </Field>
        <Field label="Std" hint="the same">
          {(ids) => (
            <TextInput
              {...ids}
              value={listed(image.std ?? preset.std)}
              onCommit={(text) => change({ std: numbers(text) })}
            />
          )}
        </Field>
        <Field label="Short side" hint="pixels before the crop; empty: as the model">
          {(ids) => (
            <TextInput
              {...ids}
              inputMode="numeric"
              value={image.resize === undefined ? '' : String(image.resize)}
              onCommit={(text) => change({ resize: numbers(text)?.[0] })}
            />
          )}
        </Field>
      </div>
      <div className="row">
        <ChoiceGroup
          label="Channels"
          value={image.channels ?? preset.channels ?? 'rgb'}
          options={[
            { value: 'rgb', label: 'RGB' },
            { value: 'bgr', label: 'BGR' },
            { value: 'gray', label: 'Gray' },
          ]}
          onChange={(channels) => change({ channels })}
        />
        <ChoiceGroup
          label="Layout"
          value={image.layout ?? 'auto'}
          options={[
            { value: 'auto', label: 'As the model' },
            { value: 'nchw', label: 'NCHW' },
            { value: 'nhwc', label: 'NHWC' },
          ]}
          onChange={(layout) => change({ layout: layout === 'auto' ? undefined : layout })}
        />
      </div>
    </Card>
  )
}
