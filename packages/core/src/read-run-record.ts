import { MixbitError } from '@mixbit/graph'
import * as v from 'valibot'
import type { RunRecord } from './run-record.ts'
import { runRecordForm } from './run-record-form.ts'

/**
 * The run record in the text of a JSON file, checked: whatever shows it may rely on its fields.
 * @param name what messages call it, such as its path.
 * @throws MixbitError `RUN_RECORD_INVALID` for text that is no JSON or no run record, with every fault; `RUN_RECORD_VERSION`
 * for the report of an older Mixbit, which lacks what the pictures need, or of a newer one.
 */
export function readRunRecord(text: string, name = 'The text'): RunRecord {
  const json = parse(text, name)
  const { format, version, layers, utilization } = (json ?? {}) as Record<string, unknown>
  if (format === undefined && Array.isArray(layers) && utilization !== undefined)
    throw new MixbitError(
      'RUN_RECORD_VERSION',
      `${name} is a report of an older Mixbit, without what the pictures need.`,
      {
        hint: again,
      },
    )
  if (format !== 'mixbit-run')
    throw new MixbitError(
      'RUN_RECORD_INVALID',
      `${name} is no run record: its "format" is ${JSON.stringify(format)}.`,
      {
        hint: again,
      },
    )
  if (version !== 1)
    throw new MixbitError(
      'RUN_RECORD_VERSION',
      `${name} has version ${JSON.stringify(version)}; this Mixbit reads version 1.`,
      {
        hint: 'Use the Mixbit that wrote it, or a newer one.',
      },
    )
  const faults = faultsOf(json)
  if (faults.length === 0) return json as RunRecord
  const rest = faults.length > 5 ? `; and ${faults.length - 5} more` : ''
  throw new MixbitError('RUN_RECORD_INVALID', `${name} is broken: ${faults.slice(0, 5).join('; ')}${rest}.`, {
    hint: again,
    context: { faults },
  })
}

const again = 'Write one with `mixbit quantize model.onnx ... --report run.json`, or with runRecord() of @mixbit/core.'

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MixbitError('RUN_RECORD_INVALID', `${name} is not JSON: ${(cause as Error).message}.`, {
      hint: again,
      cause,
    })
  }
}

/** What is missing or of another kind, and indices that point nowhere. */
function faultsOf(json: unknown): string[] {
  const { issues } = v.safeParse(runRecordForm, json)
  if (issues) return issues.map((issue) => `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`)
  const record = json as RunRecord
  const { layers, activations, network, weightHistograms, candidateGrids, weightings, samples } = record
  return [
    ...network.flatMap(({ id, layer, activation }) => [
      ...(layer !== null && !layers[layer] ? [`node ${id} has layer ${layer} of ${layers.length}`] : []),
      ...(activation !== null && !activations[activation]
        ? [`node ${id} has activation ${activation} of ${activations.length}`]
        : []),
    ]),
    ...[weightHistograms, candidateGrids].flatMap((list, i) =>
      list.length === layers.length || list.length === 0
        ? []
        : [`${['weightHistograms', 'candidateGrids'][i]} has ${list.length} entries for ${layers.length} layers`],
    ),
    ...weightings.flatMap(({ method, bits }) =>
      bits.length === layers.length ? [] : [`${method} has ${bits.length} bit-widths for ${layers.length} layers`],
    ),
    ...samples.flatMap(({ output, float, quantized }) =>
      float.length === quantized.length ? [] : [`output ${output} has ${float.length} and ${quantized.length} values`],
    ),
  ]
}
