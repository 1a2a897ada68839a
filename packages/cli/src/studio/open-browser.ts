import { spawn } from 'node:child_process'

/** The program that opens an address in this system's browser; undefined where there is no screen. */
export function opener(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): readonly string[] | undefined {
  if (platform === 'darwin') return ['open']
  if (platform === 'win32') return ['cmd', '/c', 'start', '']
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open'] : undefined
}

/** Opens an address where that is possible; where not, nothing happens: the address was printed. */
export function openBrowser(url: string): void {
  const [program, ...more] = opener(process.platform, process.env) ?? []
  if (program === undefined) return
  const child = spawn(program, [...more, url], { detached: true, stdio: 'ignore' })
  child.on('error', () => {})
  child.unref()
}
