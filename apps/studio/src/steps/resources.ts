import type { Resource } from '../worker/protocol.ts'

/** What a budget limits, in words. */
export const resourceNames: Readonly<Record<Resource, string>> = {
  weightsMemory: 'Weights',
  fileSize: 'File',
  transferSize: 'Transfer',
  activationMemory: 'Activation memory',
  totalMemory: 'Weights and activations',
  bops: 'Bit operations',
}
