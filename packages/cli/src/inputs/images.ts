import { readdir } from 'node:fs/promises'
import { centreCrop, isPicture, type PixelPlan, pictureExtensions } from '@mixbit/inputs'
import { MixbitError } from '../mixbit.ts'

/**
 * The pictures of a folder and its subfolders, sorted by path in code-unit order, so that every machine takes the same ones.
 * @throws MixbitError `DATA_EMPTY` when there is none.
 */
export async function listImages(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  const names = entries.map((name) => name.replaceAll('\\', '/')).filter(isPicture)
  if (names.length === 0)
    throw new MixbitError('DATA_EMPTY', `${folder} holds no pictures (${pictureExtensions.join(' ')}).`, {
      hint: 'Name a folder of pictures, or a .npy, .npz, .json or raw file.',
      context: { folder },
    })
  return names.sort()
}

/**
 * The pixels of one picture: turned upright, without alpha (on white), resized, centre-cropped.
 * @throws MixbitError `DATA_FORMAT` when it cannot be decoded, `DATA_MISMATCH` when the crop is larger than the picture.
 */
export async function readPixels(path: string, plan: PixelPlan): Promise<Uint8Array> {
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
      image = sharp(data, { raw: info }).extract({ ...centreCrop(info, plan, path), width, height })
    }
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
    // libvips may hand a single-channel picture back with three.
    return info.channels === depth ? data : reshapeChannels(data, info.channels, depth)
  } catch (cause) {
    if (cause instanceof MixbitError) throw cause
    throw new MixbitError('DATA_FORMAT', `${path} cannot be decoded: ${(cause as Error).message}.`, {
      hint: 'Remove or repair that picture.',
      context: { path },
      cause,
    })
  }
}

function reshapeChannels(data: Uint8Array, from: number, to: number): Uint8Array {
  const pixels = data.length / from
  const out = new Uint8Array(pixels * to)
  for (let i = 0; i < pixels; i++)
    for (let c = 0; c < to; c++) out[i * to + c] = data[i * from + Math.min(c, from - 1)]!
  return out
}
