import type { ImageFlags } from './types.ts'

/** Everything that turns pixels 0..255 into what a model wants: `(pixel * scale - mean) / std`, per channel. */
export interface Preset {
  readonly scale: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly channels?: ImageFlags['channels']
  /** Short side after resizing when the crop is 224; grows in proportion. Undefined: straight to the model's size. */
  readonly resizeFor224?: number
}

/** Named preprocessings; the README has the table. */
export const presets: Readonly<Record<string, Preset>> = {
  imagenet: { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], resizeFor224: 256 },
  'imagenet-tf': { scale: 1 / 127.5, mean: [1], std: [1], resizeFor224: 256 },
  caffe: { scale: 1, mean: [103.94, 116.78, 123.68], std: [1], channels: 'bgr', resizeFor224: 256 },
  cifar10: { scale: 1 / 255, mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  unit: { scale: 1 / 255, mean: [0], std: [1] },
  raw: { scale: 1, mean: [0], std: [1] },
}
