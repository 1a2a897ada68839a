/**
 * Names that TensorFlow accepts for these keys, all different: slashes stay, because they group nodes; what else it does not take
 * becomes `_`. Of a key with a line feed, the name is what follows it.
 */
export function namesFor(keys: readonly string[]): Map<string, string> {
  const taken = new Set<string>()
  return new Map(
    keys.map((key) => {
      const plain = plainName(key.slice(key.indexOf('\n') + 1))
      let name = plain
      for (let n = 1; taken.has(name); n++) name = `${plain}_${n}`
      taken.add(name)
      return [key, name]
    }),
  )
}

const plainName = (id: string): string =>
  id
    .replace(/[^A-Za-z0-9_./>-]/g, '_')
    .replace(/\/{2,}/g, '/')
    .replace(/^[^A-Za-z0-9.]+|\/$/g, '') || 'node'
