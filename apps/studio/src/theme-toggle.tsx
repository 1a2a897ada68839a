import { useState } from 'react'
import { Icon } from './controls/icon.tsx'
import { applyTheme, storedTheme, type Theme } from './theme.ts'

const themes = [
  { value: 'system', label: 'As the device', icon: 'system' },
  { value: 'light', label: 'Light', icon: 'sun' },
  { value: 'dark', label: 'Dark', icon: 'moon' },
] as const

/** Light, dark, or as the device. */
export function ThemeToggle() {
  const [theme, setTheme] = useState<Theme>(storedTheme)
  return (
    <fieldset className="choice-group theme-toggle">
      <legend className="visually-hidden">Colours</legend>
      <div className="segments">
        {themes.map(({ value, label, icon }) => (
          <label key={value} title={label}>
            <input
              type="radio"
              name="theme"
              checked={theme === value}
              onChange={() => {
                applyTheme(value)
                setTheme(value)
              }}
            />
            <span>
              <Icon name={icon} />
              <span className="visually-hidden">{label}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
