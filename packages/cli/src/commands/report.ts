import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Command } from 'commander'
import * as format from '../format.ts'
import { MixbitError } from '../mixbit.ts'
import type { CommonOptions } from '../options.ts'
import { checkOutput, writeWhole } from '../output.ts'
import { type Run, required } from '../run.ts'

interface ReportFlags extends CommonOptions {
  readonly output?: string
}

/** Writes the pictures of a run as one HTML file that loads nothing. */
export async function reportCommand(run: Run, command: Command, path: string): Promise<void> {
  const options = command.opts<ReportFlags>()
  const output = required(options.output, '--output', 'the page to write, with -o report.html')
  await checkOutput(output, [path])
  const { readRunRecord, reportPage } = await import('@mixbit/core')
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new MixbitError('RUN_RECORD_NOT_FOUND', `The run record ${path} cannot be read: ${cause.message}.`, {
      hint: 'Write one with `mixbit quantize model.onnx ... --report run.json`.',
      cause,
    })
  })
  const record = readRunRecord(text, path)
  const page = reportPage(await template(), record)
  await writeWhole(output, page, run.cleanups)
  const result = { model: record.model, output, bytes: Buffer.byteLength(page) }
  run.io.stdout(options.json ? format.json(result) : `written  ${output}, ${format.bytes(result.bytes)}\n`)
}

/** The page without a run, which @mixbit/studio brings along. */
async function template(): Promise<string> {
  try {
    return await readFile(createRequire(import.meta.url).resolve('@mixbit/studio/report.html'), 'utf8')
  } catch (cause) {
    throw new MixbitError('REPORT_TEMPLATE', `The template of reports cannot be read: ${(cause as Error).message}.`, {
      hint: 'Install mixbit again; in the repository, run its build first.',
      cause,
    })
  }
}
