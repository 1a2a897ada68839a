import { useEffect, useRef } from 'react'
import type { Preview } from '../worker/protocol.ts'

/** Some samples as the network sees them. */
export function PreviewStrip({ previews }: { previews: readonly Preview[] }) {
  if (previews.length === 0) return null
  return (
    <ul className="previews" aria-label="Samples as the network sees them">
      {previews.map((preview) => (
        <li key={preview.name}>
          <PreviewCanvas preview={preview} />
        </li>
      ))}
    </ul>
  )
}

function PreviewCanvas({ preview: { name, width, height, rgba } }: { preview: Preview }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    canvas.current?.getContext('2d')?.putImageData(new ImageData(rgba, width, height), 0, 0)
  }, [rgba, width, height])
  return <canvas ref={canvas} width={width} height={height} role="img" aria-label={`Sample ${name}`} title={name} />
}
