/** How the grids of candidates are called. */
const schemes: Readonly<Record<string, string>> = {
  symmetric: 'symmetric',
  powerOfTwo: 'power of two',
  uniform: 'uniform',
  midRise: 'mid-rise',
  ternary: 'ternary',
  kMeans: 'k-means',
  lutSymmetric: 'table, symmetric',
  lutPowerOfTwo: 'table, power of two',
}

/** A scheme in words; `–` for none. */
export const schemeText = (scheme: string | undefined) => (scheme === undefined ? '–' : (schemes[scheme] ?? scheme))
