import type { ButtonHTMLAttributes } from 'react'

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: 'primary' | 'secondary' | 'quiet' | 'danger'
}

export const Button = ({ kind = 'secondary', className = '', ...rest }: Props) => (
  <button type="button" className={`button ${kind} ${className}`} {...rest} />
)
