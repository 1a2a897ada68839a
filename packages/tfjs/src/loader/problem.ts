/** A MixbitError without an import: `instanceof MixbitError` goes by name, and the loader has no dependency. */
export const problemError = (code: string, message: string, hint: string): Error =>
  Object.assign(new Error(message), { name: 'MixbitError', code, hint, context: {} })
