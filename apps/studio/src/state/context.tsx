import { createContext, type ReactNode, use, useMemo, useReducer, useRef } from 'react'
import type { Pipeline } from '../worker/client.ts'
import { type Actions, actionsFor } from './actions.ts'
import { type Action, reduce } from './reducer.ts'
import { initialState, type State } from './state.ts'

const StateContext = createContext<State>(initialState)
const ActionsContext = createContext<Actions | null>(null)

/** State and actions for everything below. */
export function StudioProvider({ pipeline, children }: { pipeline: Pipeline; children: ReactNode }) {
  const [state, dispatch] = useReducer(reduce, initialState)
  // Actions read the state between renders: they get it from the reducer itself.
  const latestState = useRef(initialState)
  const actions = useMemo(
    () =>
      actionsFor(
        {
          get: () => latestState.current,
          dispatch(action: Action) {
            latestState.current = reduce(latestState.current, action)
            dispatch(action)
          },
        },
        pipeline,
      ),
    [pipeline],
  )
  return (
    <ActionsContext value={actions}>
      <StateContext value={state}>{children}</StateContext>
    </ActionsContext>
  )
}

export const useStudio = (): State => use(StateContext)
export const useActions = (): Actions => use(ActionsContext)!
