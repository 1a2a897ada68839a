import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** One file without any request: scripts and styles go into the page. */
const inline = (): Plugin => ({
  name: 'inline',
  closeBundle() {
    const page = readFileSync('dist/report.html', 'utf8')
    const whole = page
      .replace(/<script type="module"[^>]* src="\.\/(.+?)"><\/script>/g, (_, file) => {
        const script = readFileSync(`dist/${file}`, 'utf8').replaceAll('</script', '<\\/script')
        rmSync(`dist/${file}`)
        return `<script type="module">${script}</script>`
      })
      .replace(/<link rel="stylesheet"[^>]* href="\.\/(.+?)">/g, (_, file) => {
        const style = readFileSync(`dist/${file}`, 'utf8')
        rmSync(`dist/${file}`)
        return `<style>${style}</style>`
      })
    writeFileSync('dist/report.html', whole)
  },
})

// The template of `mixbit report`, beside the app.
export default defineConfig({
  base: './',
  plugins: [react(), inline()],
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    assetsDir: 'report-assets',
    modulePreload: false,
    rollupOptions: { input: 'report.html', output: { codeSplitting: false } },
  },
})
