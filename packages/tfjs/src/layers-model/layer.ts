import type { Node, ValueId } from '@mixbit/graph'

/** A config of Keras, as plain JSON. */
export type LayerConfig = Readonly<Record<string, unknown>>

/** True for nodes that are layers of Keras: their op is the class, their attribute `config` its settings. */
export const isLayer = ({ attrs }: Node): boolean => typeof attrs.config === 'string'

/** The settings of a layer, with a bias where one was added. */
export function configOf(node: Node): LayerConfig {
  const config = JSON.parse(String(node.attrs.config)) as LayerConfig
  return rolesOf(node).includes('bias') && config.use_bias === false ? { ...config, use_bias: true } : config
}

/** The number of a layer's first call: a model within a model has had one already, with inputs of its own. */
export const firstCall = (op: string): number => (/^(Functional|Model|Sequential)$/.test(op) ? 1 : 0)

/** How many of a layer's inputs are data; its weights follow. */
const dataCount = ({ attrs }: Node): number => (typeof attrs.data === 'number' ? attrs.data : 1)

export const dataOf = (node: Node): ValueId[] => node.inputs.slice(0, dataCount(node)) as ValueId[]

export const weightsOfLayer = (node: Node): ValueId[] => node.inputs.slice(dataCount(node)) as ValueId[]

/** The name of a weight within its layer (`kernel`); weights of other names keep theirs, after a slash. */
export const roleOf = (layer: string, weight: string): string =>
  weight.startsWith(`${layer}/`) ? weight.slice(layer.length + 1) : `/${weight}`

/** The inverse of `roleOf`. */
export const weightName = (layer: string, role: string): string =>
  role.startsWith('/') ? role.slice(1) : `${layer}/${role}`

/** Roles of a layer's weights; a weight more than the file had is the bias. */
export function rolesOf(node: Node): string[] {
  const roles = Array.isArray(node.attrs.roles) ? node.attrs.roles.map(String) : []
  return weightsOfLayer(node).map((_, i) => roles[i] ?? 'bias')
}
