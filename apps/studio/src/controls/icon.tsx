const paths = {
  check: 'M3.5 8.5l3 3 6-7',
  lock: 'M4.5 7.5h7v5.5h-7zM6 7.5V5.2a2 2 0 014 0v2.3',
  file: 'M4 2.5h5l3 3v8H4zM9 2.5v3h3',
  alert: 'M8 2.2l6.2 11.3H1.8zM8 6.5v3.2M8 11.6v.2',
  sun: 'M8 5.2a2.8 2.8 0 110 5.6 2.8 2.8 0 010-5.6M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  moon: 'M13 9.6A5.5 5.5 0 016.4 3a5.5 5.5 0 106.6 6.6z',
  system: 'M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3',
  download: 'M8 2.5v7.5M4.8 7.2L8 10.4l3.2-3.2M2.8 13.2h10.4',
  close: 'M4 4l8 8M12 4l-8 8',
  arrow: 'M3 8h9.5M9 4.5L12.5 8 9 11.5',
  image: 'M2.5 3h11v10h-11zM2.5 11l3.2-3.4 2.4 2.4 2-2 3.4 3.2M10.6 6.1v.1',
  play: 'M5 3.2v9.6L12.6 8z',
} as const

/** A line drawing of 16 pixels in the colour of the text; says nothing to a screen reader. */
export const Icon = ({ name }: { name: keyof typeof paths }) => (
  <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
)
