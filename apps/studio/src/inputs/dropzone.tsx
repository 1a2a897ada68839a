import { type ReactNode, useId, useRef, useState } from 'react'
import { Button } from '../controls/button.tsx'
import { Icon } from '../controls/icon.tsx'
import type { NamedFile } from '../worker/protocol.ts'
import { filesOfDrop, filesOfInput } from './dropped-files.ts'

interface Props {
  readonly label: string
  readonly hint: ReactNode
  /** For the file dialog: `.onnx,.json`. */
  readonly accept?: string
  /** Also offers to choose a folder. */
  readonly folder?: boolean
  readonly small?: boolean
  readonly disabled?: boolean
  onFiles(files: readonly NamedFile[]): void
}

/** A place to drop files, with buttons for those who do not drag. */
export function Dropzone({ label, hint, accept, folder, small, disabled, onFiles }: Props) {
  const [over, setOver] = useState(false)
  const hintId = useId()
  const files = useRef<HTMLInputElement>(null)
  const folders = useRef<HTMLInputElement>(null)
  const take = (list: FileList | null) => {
    if (list && list.length > 0) onFiles(filesOfInput(list))
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the buttons inside do the same
    <div
      className={`dropzone ${over ? 'over' : ''} ${small ? 'small' : ''}`}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={async (event) => {
        event.preventDefault()
        setOver(false)
        if (!disabled) onFiles(await filesOfDrop(event.dataTransfer))
      }}
    >
      <Icon name="file" />
      <div className="dropzone-text">
        <p className="strong">{label}</p>
        <p className="hint" id={hintId}>
          {hint}
        </p>
      </div>
      <div className="row">
        <Button aria-describedby={hintId} disabled={disabled} onClick={() => files.current?.click()}>
          Choose files<span className="visually-hidden">: {label}</span>
        </Button>
        {folder && (
          <Button aria-describedby={hintId} disabled={disabled} kind="quiet" onClick={() => folders.current?.click()}>
            Choose a folder<span className="visually-hidden">: {label}</span>
          </Button>
        )}
      </div>
      <input
        ref={files}
        hidden
        type="file"
        multiple
        aria-label={label}
        accept={accept}
        onChange={(event) => {
          take(event.target.files)
          event.target.value = ''
        }}
      />
      {folder && (
        <input
          ref={folders}
          hidden
          type="file"
          multiple
          aria-label={`${label} (folder)`}
          {...{ webkitdirectory: '' }}
          onChange={(event) => {
            take(event.target.files)
            event.target.value = ''
          }}
        />
      )}
    </div>
  )
}
