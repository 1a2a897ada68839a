import { Component, type ReactNode } from 'react'
import { ProblemCard } from './controls/problem-card.tsx'

/** A fault of the page itself is said like any other, instead of leaving a blank page. */
export class Guard extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null }
  static getDerivedStateFromError(error: Error) {
    return { error }
  }
  override render() {
    const { error } = this.state
    if (!error) return this.props.children
    const hint = 'This is a fault of Mixbit Studio. Go to another step, or reload the page.'
    return <ProblemCard problem={{ code: 'UNEXPECTED', message: error.message, hint }} />
  }
}
