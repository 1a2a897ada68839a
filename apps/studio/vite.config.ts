import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Relative addresses, so that the folder can be served from anywhere.
export default defineConfig({
  base: './',
  plugins: [react()],
  // The adapter's default runtime is that of Node; the page always gives another.
  worker: { format: 'es', rolldownOptions: { external: ['onnxruntime-node'] } },
  assetsInclude: ['**/*.onnx', '**/*.bin'],
  // The example is taken from examples/demo.
  server: { fs: { allow: [fileURLToPath(new URL('../..', import.meta.url))] } },
  build: {
    target: ['es2022', 'chrome123', 'firefox128', 'safari17.5'],
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
  },
})
