import { expect, test } from 'vitest'
import { commandLine, type Run, script } from './reproduce.ts'

const run: Run = {
  model: { format: 'onnx', file: "it's mine.onnx" },
  settings: {
    targetPlatform: 'weights-only',
    numOfImages: 32,
    weightsRounding: 'errorCompensating',
    resources: ['weightsMemory'],
  },
  budgets: { weightsMemory: '25 kB', fileSize: 40_000 },
  weighting: { method: 'LAST_LAYER', sigma: 0.1 },
}

test('the command line says every option, quoted for a shell', () => {
  expect(commandLine(run)).toBe(
    [
      `npx mixbit quantize 'it'\\''s mine.onnx' --calibration calibration.npz \\`,
      '  --runtime web \\',
      '  --target weights-only --rounding errorCompensating --num-of-images 32 \\',
      '  --distance-weighting LAST_LAYER \\',
      `  --weights-memory '25 kB' --file-size 40000 \\`,
      `  -o 'it'\\''s mine.mixbit.onnx'`,
    ].join('\n'),
  )
})

test('another sigma goes into a config, because no flag says it', () => {
  const line = commandLine({ ...run, weighting: { method: 'EXP', sigma: 0.3 } })
  expect(line).toContain(`echo '{"mixedPrecisionConfig":{"expDistanceWeightingSigma":0.3}}' > sigma.json\n`)
  expect(line).toContain('--config sigma.json')
  expect(script({ ...run, weighting: { method: 'EXP', sigma: 0.3 } })).toContain('"expDistanceWeightingSigma": 0.3')
})

test('a TF.js model is a folder, and its script needs no onnxruntime', () => {
  const tfjs: Run = { ...run, model: { format: 'tfjs', file: 'shapes' } }
  expect(commandLine(tfjs)).toMatch(/quantize shapes\/model\.json[\s\S]* -o shapes\.mixbit$/)
  expect(commandLine(tfjs)).not.toContain('--runtime')
  expect(script(tfjs)).not.toContain('onnx')
})
