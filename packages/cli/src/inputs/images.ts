import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { MixbitError, type Tensor } from '../mixbit.ts'
import { type PixelPlan, pixelsToTensor } from './pixels.ts'
import type { Found } from './types.ts'

const extensions = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.bmp'])

export const isImagePath = (path: string): boolean => extensions.has(extname(path).toLowerCase())

/**
 * The pictures of a folder and its subfolders, sorted by path in code-unit order, so that every machine takes the same ones.
 * @throws MixbitError `DATA_EMPTY` when there is none.
 */
export async function listImages(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  const names = entries.map((name) => name.replaceAll('\\', '/')).filter(isImagePath)
  if (names.length === 0)
    throw new MixbitError('DATA_EMPTY', `${folder} holds no pictures (${[...extensions].join(' ')}).`, {
      hint: 'Name a folder of pictures, or a .npy, .npz, .json or raw file.',
      context: { folder },
    })
  return names.sort()
}

/** At most `limit` of the names, evenly spread, so that folders sorted by class give every class. */
export function spread(names: readonly string[], limit: number): string[] {
  const count = Math.min(limit, names.length)
  return Array.from({ length: count }, (_, i) => names[Math.floor((i * names.length) / count)]!)
}

/** Decodes the named pictures, one after the other, so that memory holds one decoded picture at a time. */
export async function readImages(folder: string, names: readonly string[], plan: PixelPlan): Promise<Found[]> {
  const found: Found[] = []
  for (const name of names) {
    found.push({ name, tensors: new Map([[plan.input, await readImage(join(folder, name), plan)]]) })
  }
  return found
}

/**
 * One picture: turned upright, without alpha (on white), resized, centre-cropped, normalized.
 * @throws MixbitError `DATA_FORMAT` when it cannot be decoded, `DATA_MISMATCH` when the crop is larger than the picture.
 */
export async function readImage(path: string, plan: PixelPlan): Promise<Tensor> {
  const { default: sharp } = await import('sharp')
  const { height, width, depth, resize } = plan
  try {
    let image = sharp(path)
      .autoOrient()
      .flatten({ background: '#fff' })
      .toColourspace(depth === 1 ? 'b-w' : 'srgb')
    if (resize === undefined) image = image.resize(width, height, { fit: 'cover', kernel: 'linear' })
    else {
      // `outside` makes the short side `resize`; a second pipeline crops, because sharp has one resize per pipeline.
      const { data, info } = await image
        .resize(resize, resize, { fit: 'outside', kernel: 'linear' })
        .raw()
        .toBuffer({ resolveWithObject: true })
      image = sharp(data, { raw: info }).extract({
        left: centre(info.width, width, path),
        top: centre(info.height, height, path),
        width,
        height,
      })
    }
    // libvips may hand a single-channel picture back with three.
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
    return pixelsToTensor(info.channels === depth ? data : reshapeChannels(data, info.channels, depth), plan)
  } catch (cause) {
    if (cause instanceof MixbitError) throw cause
    throw new MixbitError('DATA_FORMAT', `${path} cannot be decoded: ${(cause as Error).message}.`, {
      hint: 'Remove or repair that picture.',
      context: { path },
      cause,
    })
  }
}

function centre(size: number, crop: number, path: string): number {
  if (crop > size)
    throw new MixbitError(
      'DATA_MISMATCH',
      `${path}: a crop of ${crop} pixels does not fit into ${size} after resizing.`,
      {
        hint: 'Raise --resize.',
        context: { size, crop },
      },
    )
  return Math.round((size - crop) / 2)
}

function reshapeChannels(data: Uint8Array, from: number, to: number): Uint8Array {
  const pixels = data.length / from
  const out = new Uint8Array(pixels * to)
  for (let i = 0; i < pixels; i++)
    for (let c = 0; c < to; c++) out[i * to + c] = data[i * from + Math.min(c, from - 1)]!
  return out
}
