import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** One file without any request: scripts and styles go into the page, and its policy allows these and nothing else. */
const inline = (): Plugin => ({
  name: 'inline',
  closeBundle() {
    const hashes = { script: [] as string[], style: [] as string[] }
    const taken = (file: string) => {
      const text = readFileSync(`dist/${file}`, 'utf8')
      rmSync(`dist/${file}`)
      return text
    }
    // The script goes to the end: it needs what is before it.
    let script = ''
    const page = readFileSync('dist/report.html', 'utf8')
      .replace(/\s*<script type="module"[^>]* src="\.\/(.+?)"><\/script>/g, (_, file) => {
        script += taken(file).replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
        return ''
      })
      .replace(/<link rel="stylesheet"[^>]* href="\.\/(.+?)">/g, (_, file) => {
        const style = taken(file)
        hashes.style.push(hashOf(style))
        return `<style>${style}</style>`
      })
    hashes.script.push(hashOf(script))
    const policy = [
      "default-src 'none'",
      `script-src ${hashes.script.join(' ')}`,
      `style-src ${hashes.style.join(' ')}`,
      // The layout of the graph runs in a worker whose code is in the page.
      'worker-src blob:',
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
    ].join('; ')
    const whole = page
      .replace(
        '<meta charset="utf-8" />',
        (tag) => `${tag}\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
      )
      .replace('</body>', () => `<script type="module">${script}</script>\n  </body>`)
    if (/ (src|href)="(?!#|data:)/.test(whole.replaceAll(script, '')))
      throw new Error('the report still names another file')
    rmSync('dist/report-assets', { recursive: true, force: true })
    writeFileSync('dist/report.html', whole)
  },
})

// The template of `mixbit report`, beside the app.
export default defineConfig({
  base: './',
  plugins: [react(), inline()],
  publicDir: false,
  worker: { format: 'iife' },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: false,
    assetsDir: 'report-assets',
    modulePreload: false,
    rollupOptions: { input: 'report.html', output: { codeSplitting: false } },
  },
})
