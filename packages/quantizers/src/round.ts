// 1.5 * 2^52: a float64 of this size has no fraction bits, so the addition itself rounds, half to even.
const magic = 6755399441055744

/**
 * Rounds half to even, as onnxruntime, numpy and IEEE 754 do (`Math.round` rounds 0.5 up). Exact for |x| <= 2^51;
 * larger values have no fraction worth rounding and should be clamped first.
 */
export const roundHalfEven = (x: number): number => x + magic - magic
