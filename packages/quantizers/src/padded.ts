/** Rows of matrices are padded with zeros to so many columns. */
export const paddedWidth = (columns: number): number => Math.ceil(columns / 8) * 8

/** What stands below the diagonal becomes zero. */
export function clearLower(r: Float32Array, columns: number, width: number): Float32Array {
  for (let j = 1; j < columns; j++) r.fill(0, j * width, j * width + j)
  return r
}

/** What stands above the diagonal, mirrored. */
export function mirror(h: Float32Array, width: number): Float32Array {
  for (let i = 1; i < width; i++) for (let j = 0; j < i; j++) h[i * width + j] = h[j * width + i]!
  return h
}
