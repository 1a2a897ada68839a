export { exitCodeOf, exitCodes } from './exit-codes.ts'
export { type LoadOptions, loadInputs } from './inputs/load.ts'
export { type Io, nodeIo } from './io.ts'
export { main } from './main.ts'
