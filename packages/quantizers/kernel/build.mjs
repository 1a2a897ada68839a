// Builds the kernels of this folder and writes them as base64 to src/*.wasm.ts; with --check only compares.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

/** The memory of `scan` has three pages (192 kB), laid out in src/kernel.ts; that of `reconstruct` comes from its caller and grows. */
const kernels = {
  scan: { target: 'kernel', constant: 'kernelWasm', options: ['--initialMemory', '3', '--maximumMemory', '3'] },
  reconstruct: { target: 'reconstruct', constant: 'reconstructWasm', options: ['--initialMemory', '1'] },
}

/** A source of this folder; null for what is not here. */
function read(file) {
  const url = new URL(file, import.meta.url)
  return existsSync(url) ? readFileSync(url, 'utf8') : null
}

for (const [name, { target, constant, options }] of Object.entries(kernels)) {
  const path = fileURLToPath(new URL(`../src/${target}.wasm.ts`, import.meta.url))
  let binary
  const { error, stderr } = await asc.main(
    [`${name}.ts`, '--outFile', 'out.wasm', '-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert', ...options],
    {
      readFile: read,
      writeFile: (file, content) => {
        if (file === 'out.wasm') binary = content
      },
      listFiles: () => [],
    },
  )
  if (error) throw new Error(`${error.message}\n${stderr}`)

  const text = `// Built from kernel/${name}.ts by \`node kernel/build.mjs\`: ${binary.length} bytes.
export const ${constant} =
  '${Buffer.from(binary).toString('base64')}'
`
  if (!process.argv.includes('--check')) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`src/${target}.wasm.ts is not the build of kernel/${name}.ts: run \`node kernel/build.mjs\`.`)
    process.exit(1)
  }
}
