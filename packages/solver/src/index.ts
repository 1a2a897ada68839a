export { exhaustive } from './exhaustive.ts'
export { type FrontierPoint, frontier } from './frontier.ts'
export type { Choice, Item, Problem, Solution } from './problem.ts'
export { solve } from './solve.ts'
