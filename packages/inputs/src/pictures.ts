import { MixbitError } from '@mixbit/graph'
import type { PixelPlan } from './pixels.ts'

/** What pictures are called, in lower case. */
export const pictureExtensions = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif', '.bmp'] as const

/** True for the name of a picture. */
export const isPicture = (name: string): boolean =>
  pictureExtensions.some((extension) => name.toLowerCase().endsWith(extension))

/** At most `limit` of the names, evenly spread, so that folders sorted by class give every class. */
export function spread(names: readonly string[], limit: number): string[] {
  const count = Math.min(limit, names.length)
  return Array.from({ length: count }, (_, i) => names[Math.floor((i * names.length) / count)]!)
}

/** How one picture is scaled, and where the crop lies in the scaled one; in pixels. */
export interface Placement {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly top: number
}

/**
 * Scales a picture so that its short side is `plan.resize` (without that: so that it just covers the crop), with the crop
 * `plan.width` x `plan.height` in the middle.
 * @param what the picture's name, for messages.
 * @throws MixbitError `DATA_MISMATCH` when the crop is larger than the scaled picture.
 */
export function placement(size: { width: number; height: number }, plan: PixelPlan, what: string): Placement {
  const { resize } = plan
  const scale =
    resize === undefined
      ? Math.max(plan.width / size.width, plan.height / size.height)
      : resize / Math.min(size.width, size.height)
  const width = Math.max(1, Math.round(size.width * scale))
  const height = Math.max(1, Math.round(size.height * scale))
  return { width, height, ...centreCrop({ width, height }, plan, what) }
}

/**
 * Where a crop `plan.width` x `plan.height` begins in the middle of a picture of that size.
 * @throws MixbitError `DATA_MISMATCH` when it does not fit.
 */
export const centreCrop = (size: { width: number; height: number }, plan: PixelPlan, what: string) => ({
  left: centre(size.width, plan.width, what),
  top: centre(size.height, plan.height, what),
})

function centre(size: number, crop: number, what: string): number {
  if (crop > size)
    throw new MixbitError(
      'DATA_MISMATCH',
      `${what}: a crop of ${crop} pixels does not fit into ${size} after resizing.`,
      {
        hint: 'Raise --resize.',
        context: { size, crop },
      },
    )
  return Math.round((size - crop) / 2)
}
