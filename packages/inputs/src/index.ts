export { type ArrayDType, isArrayDType, numberAt } from './arrays.ts'
export { parseJson } from './json.ts'
export { parseLabels } from './labels.ts'
export { match } from './match.ts'
export { encodeNpy, parseNpy } from './npy.ts'
export { encodeNpz, parseNpz } from './npz.ts'
export { centreCrop, isPicture, type Placement, pictureExtensions, placement, spread } from './pictures.ts'
export { type PixelPlan, pixelsToTensor, planPixels, rgbaToPixels, tensorToRgba } from './pixels.ts'
export { type Preset, presets } from './presets.ts'
export { type RandomOptions, randomSamples } from './random.ts'
export { parseRaw, type RawFormat } from './raw.ts'
export { type Decode, readInputs, type Source } from './read.ts'
export { constantInput } from './set.ts'
export { resolveShape } from './shapes.ts'
export {
  type Found,
  type ImageFlags,
  type InputOptions,
  type InputSpec,
  type Inputs,
  inputSpecs,
  type Read,
} from './types.ts'
