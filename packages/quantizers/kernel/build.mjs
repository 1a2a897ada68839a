// Builds kernel/scan.ts and writes it as base64 to src/kernel.wasm.ts; with --check only compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const source = readFileSync(new URL('scan.ts', import.meta.url), 'utf8')
const target = fileURLToPath(new URL('../src/kernel.wasm.ts', import.meta.url))
const files = { 'scan.ts': source }
let binary

// The memory has three pages (192 kB); src/kernel.ts lays it out.
const { error, stderr } = await asc.main(
  ['scan.ts', '--outFile', 'scan.wasm', '-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert'].concat([
    '--initialMemory',
    '3',
    '--maximumMemory',
    '3',
  ]),
  {
    readFile: (name) => files[name] ?? null,
    writeFile: (name, content) => {
      if (name === 'scan.wasm') binary = content
    },
    listFiles: () => [],
  },
)
if (error) throw new Error(`${error.message}\n${stderr}`)

const text = `// Built from kernel/scan.ts by \`node kernel/build.mjs\`: ${binary.length} bytes.
export const kernelWasm =
  '${Buffer.from(binary).toString('base64')}'
`
if (!process.argv.includes('--check')) writeFileSync(target, text)
else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/kernel.wasm.ts is not the build of kernel/scan.ts: run `node kernel/build.mjs`.')
  process.exit(1)
}
