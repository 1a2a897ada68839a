import './theme.css'
import './pictures/pictures.css'
import './styles/shell.css'
import './styles/controls.css'
import './styles/steps.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { StudioProvider } from './state/context.tsx'
import { applyTheme, storedTheme } from './theme.ts'
import { pipelineOf } from './worker/client.ts'

applyTheme(storedTheme())
// A file that misses its place must not take the page away.
for (const type of ['dragover', 'drop']) window.addEventListener(type, (event) => event.preventDefault())
const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module' })

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <StudioProvider pipeline={pipelineOf(worker)}>
      <App />
    </StudioProvider>
  </StrictMode>,
)
