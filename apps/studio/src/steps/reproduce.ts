// The same run from a terminal and from a script: the same options, the same runtime, one thread, hence the same bytes.
import type { Budgets, ModelSummary, QuantizeRequest, Resource, SweepSettings } from '../worker/protocol.ts'

export interface Run extends QuantizeRequest {
  readonly model: Pick<ModelSummary, 'format' | 'file'>
  readonly settings: SweepSettings
}

const flags: Readonly<Record<Resource, string>> = {
  weightsMemory: '--weights-memory',
  fileSize: '--file-size',
  transferSize: '--transfer-size',
  activationMemory: '--activation-memory',
  totalMemory: '--total-memory',
  bops: '--bops',
}

/** A word of a POSIX shell; quoted where it needs to be. */
const word = (text: string | number): string =>
  /^[\w./%=:,+-]+$/.test(String(text)) ? String(text) : `'${String(text).replaceAll("'", "'\\''")}'`

const budgetList = (budgets: Budgets) => Object.entries(budgets) as [Resource, number | string][]

/** Where the model lies for the command line: a folder for TF.js. */
const modelPath = ({ format, file }: Run['model']): string => (format === 'onnx' ? file : `${stem(file)}/model.json`)
const stem = (file: string) => file.replace(/\.(onnx|json|zip)$/i, '')

/** What the page calls the written model; the command line gets the same name, a folder for TF.js. */
export const outputPath = ({ format, file }: Run['model']): string =>
  `${stem(file)}.mixbit${format === 'onnx' ? '.onnx' : ''}`

/** The sections of CoreConfig that no flag says. */
const extraConfig = ({ weighting }: Run) =>
  weighting.method === 'EXP' && weighting.sigma !== 0.1
    ? { mixedPrecisionConfig: { expDistanceWeightingSigma: weighting.sigma } }
    : null

/** Lines for a POSIX shell. */
export function commandLine(run: Run): string {
  const { model, settings, budgets, weighting } = run
  const config = extraConfig(run)
  const parts = [
    `npx mixbit quantize ${word(modelPath(model))} --calibration calibration.npz`,
    ...(model.format === 'onnx' ? ['--runtime web'] : []),
    `--target ${word(settings.targetPlatform)} --rounding ${settings.weightsRounding} --num-of-images ${settings.numOfImages}`,
    `--distance-weighting ${weighting.method}`,
    budgetList(budgets)
      .map(([name, limit]) => `${flags[name]} ${word(limit)}`)
      .join(' '),
    ...(config ? ['--config sigma.json'] : []),
    `-o ${word(outputPath(model))}`,
  ]
  const before = config ? `echo '${JSON.stringify(config)}' > sigma.json\n` : ''
  return before + parts.filter(Boolean).join(' \\\n  ')
}

/** A script for Node: what the page ran, on the same WebAssembly. */
export function script(run: Run): string {
  const { model, settings, budgets, weighting } = run
  const { targetPlatform, weightsRounding, numOfImages } = settings
  const onnx = model.format === 'onnx'
  const packages = onnx
    ? '@mixbit/core @mixbit/inputs @mixbit/onnx onnxruntime-web@1.30'
    : '@mixbit/core @mixbit/inputs @mixbit/tfjs'
  const options = {
    targetPlatform,
    targetResourceUtilization: budgets,
    coreConfig: {
      quantizationConfig: { weightsRounding },
      mixedPrecisionConfig: {
        numOfImages,
        distanceWeightingMethod: weighting.method,
        ...(weighting.method === 'EXP' && { expDistanceWeightingSigma: weighting.sigma }),
      },
    },
  }
  const lines = [
    `// Makes ${outputPath(model)} as Mixbit Studio did, byte for byte. First: npm install ${packages}`,
    `import { ${onnx ? 'readFile, writeFile' : 'mkdir, readFile, writeFile'} } from 'node:fs/promises'`,
    "import { quantize } from '@mixbit/core'",
    "import { readInputs } from '@mixbit/inputs'",
    onnx ? "import { onnx } from '@mixbit/onnx'" : "import { tfjs } from '@mixbit/tfjs'",
    ...(onnx
      ? [
          "import ort from 'onnxruntime-web'",
          '',
          '// One thread: the same sums in the same order.',
          'ort.env.wasm.numThreads = 1',
        ]
      : []),
    onnx ? 'const adapter = onnx({ runtime: async () => ort, threads: 1 })' : '\nconst adapter = tfjs()',
    `const model = ${JSON.stringify(modelPath(model))}`,
    "const bytes = await readFile('calibration.npz')",
    "const { feeds } = await readInputs(await adapter.read(model), { file: 'calibration.npz', bytes })",
    `const { artifact, report } = await quantize(model, {`,
    '  adapter,',
    '  representativeDataset: feeds,',
    ...JSON.stringify(options, null, 2)
      .split('\n')
      .slice(1, -1)
      .map((line, i, all) => (i === all.length - 1 && !line.endsWith(',') ? `${line},` : line)),
    '})',
    ...(onnx
      ? [`await writeFile(${JSON.stringify(outputPath(model))}, artifact)`]
      : [
          `await mkdir(${JSON.stringify(outputPath(model))}, { recursive: true })`,
          `for (const [name, content] of artifact) await writeFile(\`${outputPath(model).replaceAll(/[`$\\]/g, '\\$&')}/\${name}\`, content)`,
        ]),
    'for (const { node, bits, reason } of report.layers) console.log(node, bits, reason)',
  ]
  return `${lines.join('\n')}\n`
}
