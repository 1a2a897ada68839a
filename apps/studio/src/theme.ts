/** `system` follows the device. */
export type Theme = 'system' | 'light' | 'dark'

const key = 'mixbit-theme'
const themes: readonly string[] = ['system', 'light', 'dark']

/** What was chosen last; pages that may not store anything follow the device. */
export function storedTheme(): Theme {
  try {
    const theme = localStorage.getItem(key) ?? ''
    return themes.includes(theme) ? (theme as Theme) : 'system'
  } catch {
    return 'system'
  }
}

/** Puts a theme on the page and remembers it. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem(key, theme)
  } catch {
    // Without storage the choice lasts until the tab is closed.
  }
}
