import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { exitCodeHelp } from './exit-codes.ts'
import { addBudget, addCommon, addData, addRuntime, addSweep } from './options.ts'
import * as parse from './parse.ts'
import type { Run } from './run.ts'

/** The command line as commander sees it; each command's code is imported when it is called. */
export function program(run: Run): Command {
  const root = new Command('mixbit')
    .description(
      'Shrinks ONNX and TF.js models: every layer gets its own bit-width, by its measured sensitivity and your budget.',
    )
    .version(version())
    .exitOverride()
    .configureOutput({ writeOut: run.io.stdout, writeErr: run.io.stderr, outputError: () => {} })
    .addHelpText('after', exitCodeHelp)
    .showSuggestionAfterError(true)

  const quantize = root
    .command('quantize <model>')
    .description('write a smaller model under a budget')
    .option('-o, --output <file>', 'the model to write; for TF.js a folder')
    .option('--report <file>', 'write the run as JSON: the report, and what its pictures need')
    .option('--log-dir <folder>', 'write event files for TensorBoard: graphs of every stage, histograms, figures')
    .option('--similarity', 'also compare the quantized with the float model behind every node')
    .option('--schedule', 'also show the memory of activations node by node, and what is alive at the peak')
    .option('--interactions', 'count how errors of layers add up or cancel at the outputs')
    .option(
      '--remeasure <rounds>',
      'measure changes around the choice as whole models, and take what is better',
      parse.integer('--remeasure', 0),
    )
  addCommon(addSweep(addData(addBudget(quantize))))
    .addHelpText('after', quantizeExample + exitCodeHelp)
    .action(async (model: string) => (await import('./commands/quantize.ts')).quantizeCommand(run, quantize, model))

  const inspect = root
    .command('inspect <model>')
    .description('show nodes, kinds, weights, bytes, shapes and macs')
    .option('--text', 'print the graph in its text form')
    .option('--sizes', 'also show what the model would cost at each bit-width, in every resource')
    .option('--target <platform>', 'for --sizes: a name or a JSON file (default: weights-only)')
    .option(
      '--input-shape <name=extents>',
      'for --sizes: extents of dynamic inputs (repeatable)',
      parse.shapes('--input-shape'),
    )
  addCommon(addRuntime(inspect)).action(async (model: string) =>
    (await import('./commands/inspect.ts')).inspectCommand(run, inspect, model),
  )

  const sensitivity = root
    .command('sensitivity <model>')
    .description('measure what each bit-width of each layer would hurt')
  addCommon(addSweep(addData(sensitivity))).action(async (model: string) =>
    (await import('./commands/sensitivity.ts')).sensitivityCommand(run, sensitivity, model),
  )

  const frontier = root.command('frontier <model>').description('show the curve of budget against sensitivity')
  addCommon(addSweep(addData(frontier))).action(async (model: string) =>
    (await import('./commands/frontier.ts')).frontierCommand(run, frontier, model),
  )

  const weightings = root
    .command('compare-weightings <model>')
    .description('show what every distance weighting would choose, with measured outputs')
  addCommon(addSweep(addData(addBudget(weightings)))).action(async (model: string) =>
    (await import('./commands/compare-weightings.ts')).compareWeightingsCommand(run, weightings, model),
  )

  const targets = root.command('targets').description('list the target platforms')
  addCommon(targets).action(async () => (await import('./commands/targets.ts')).targetsCommand(run, targets))
  const show = targets
    .command('show <target>')
    .description('show one by name, or check and show a JSON file; with --json, as data to build on')
  addCommon(show).action(async (name: string) =>
    (await import('./commands/targets.ts')).showTargetCommand(run, show, name),
  )

  const studio = root
    .command('studio')
    .description('open Mixbit Studio, the same in a browser tab, from a server on this machine')
    .option('--port <n>', 'where to listen; 0: any that is free', parse.integer('--port'), 4848)
    .option('--host <name>', 'for other machines to reach it: their address for this one', '127.0.0.1')
    .option('--no-open', 'only print the address')
    .option('--debug', 'show the stack of an error')
  studio.action(async () => (await import('./commands/studio.ts')).studioCommand(run, studio))

  const compare = root
    .command('compare <float> <quantized>')
    .description('run both files on the same inputs and compare')
    .option('--labels <file>', 'class indices for the accuracy: JSON, one per line, or lines "name, index"')
  addCommon(addData(compare)).action(async (float: string, small: string) =>
    (await import('./commands/compare.ts')).compareCommand(run, compare, float, small),
  )

  const report = root
    .command('report <run>')
    .description('write the pictures of a run (quantize --report run.json) as one HTML page')
    .option('-o, --output <file>', 'the page to write')
  addCommon(report).action(async (path: string) =>
    (await import('./commands/report.ts')).reportCommand(run, report, path),
  )

  return root
}

const quantizeExample = `
Example:
  mixbit quantize model.onnx --calibration images/ --samples 64 --preset imagenet \\
    --weights-memory 25% --distance-weighting LAST_LAYER -o small.onnx
`

function version(): string {
  // The same distance from src/ and from dist/.
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
