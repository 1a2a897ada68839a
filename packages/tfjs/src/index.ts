export { type TfjsOptions, tfjs } from './adapter.ts'
export type { TfjsArtifacts, TfjsFiles, TfjsSource } from './source.ts'
export { readFiles } from './source.ts'
