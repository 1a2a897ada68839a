import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Relative addresses, so that the folder can be served from anywhere.
export default defineConfig({
  base: './',
  plugins: [react()],
  worker: { format: 'es' },
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true },
})
