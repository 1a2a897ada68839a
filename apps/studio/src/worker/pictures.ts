import { MixbitError } from '@mixbit/graph'
import { type PixelPlan, placement, rgbaToPixels } from '@mixbit/inputs'
import type { NamedFile } from './protocol.ts'

/** Pictures by name, decoded once for every size that is asked for. */
export interface Pictures {
  readonly names: readonly string[]
  /** Equal for the same pictures. */
  readonly key: string
  decode(name: string, plan: PixelPlan): Promise<ArrayLike<number>>
}

/** Dropped pictures, in the order of their names, as the command line takes those of a folder. */
export function pictureFiles(files: readonly NamedFile[]): Pictures {
  const byName = new Map(files.map(({ name, file }) => [name, file]))
  const decoded = new Map<string, ArrayLike<number>>()
  return {
    names: [...byName.keys()].sort(),
    key: files.map(({ name, file }) => `${name} ${file.size} ${file.lastModified}`).join('\n'),
    async decode(name, plan) {
      const key = `${name} ${plan.width} ${plan.height} ${plan.resize} ${plan.depth}`
      const found = decoded.get(key) ?? (await decodeFile(byName.get(name)!, name, plan))
      decoded.set(key, found)
      return found
    },
  }
}

/** Pictures that are pixels already (rows first, RGB), all of one size. */
export function pixelArrays(size: number, pixels: readonly Uint8Array[]): Pictures {
  return {
    names: pixels.map((_, i) => String(i).padStart(4, '0')),
    key: 'example',
    async decode(name, plan) {
      if (plan.width === size && plan.height === size && plan.depth === 3) return pixels[Number(name)]!
      throw new MixbitError(
        'DATA_MISMATCH',
        `The example has pictures of ${size} x ${size}, and the model wants others.`,
        {
          hint: 'Drop pictures of your own.',
        },
      )
    },
  }
}

async function decodeFile(file: File, name: string, plan: PixelPlan): Promise<ArrayLike<number>> {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' }).catch((cause: Error) => {
    throw new MixbitError('DATA_FORMAT', `${name} cannot be decoded: ${cause.message}`, {
      hint: 'Remove or repair that picture; browsers read JPEG, PNG, WebP, GIF, AVIF and BMP.',
      cause,
    })
  })
  try {
    const { width, height, left, top } = placement(bitmap, plan, name)
    const canvas = new OffscreenCanvas(plan.width, plan.height)
    const context = canvas.getContext('2d', { willReadFrequently: true })!
    context.imageSmoothingQuality = 'high'
    context.drawImage(bitmap, -left, -top, width, height)
    return rgbaToPixels(context.getImageData(0, 0, plan.width, plan.height).data, plan.depth)
  } finally {
    bitmap.close()
  }
}
