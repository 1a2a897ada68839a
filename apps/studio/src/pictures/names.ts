/**
 * Names without what all of them begin with, cut after a separator: `model/layer1/conv` becomes `layer1/conv`. Never empty, and
 * different names stay different.
 */
export function shortNames(names: readonly string[]): string[] {
  if (names.length < 2) return [...names]
  const first = names[0]!
  let shared = 0
  while (shared < first.length && names.every((name) => name[shared] === first[shared])) shared++
  const cut = Math.max(...['/', '.', ':'].map((mark) => first.lastIndexOf(mark, shared - 1))) + 1
  return names.map((name) => (shared > 0 && name.length > cut ? name.slice(cut) : name))
}
