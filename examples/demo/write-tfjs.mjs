// The shipped ONNX model as a layers model of TF.js: the same weights in the layout of TF.js. `node write-tfjs.mjs` writes it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onnx } from '@mixbit/onnx'
import { modelBytes } from './demo.mjs'

/** OIHW kernel of ONNX to HWIO of TF.js. */
function hwio({ data, shape: [o, i, h, w] }) {
  const result = new Float32Array(data.length)
  for (let n = 0; n < o; n++)
    for (let c = 0; c < i; c++)
      for (let k = 0; k < h * w; k++) result[(k * i + c) * o + n] = data[(n * i + c) * h * w + k]
  return { data: result, shape: [h, w, i, o] }
}

const names = {
  BatchNormalization: ['gamma', 'beta', 'moving_mean', 'moving_variance'],
  Conv: ['kernel'],
  Gemm: ['kernel', 'bias'],
}

/** How an ONNX node of this model is called and set up in Keras. */
const layers = {
  Conv: ({ attrs }, [{ shape }]) => [
    'Conv2D',
    { filters: shape[0], kernel_size: [3, 3], strides: attrs.strides, padding: 'same', use_bias: false },
  ],
  BatchNormalization: ({ attrs }) => ['BatchNormalization', { axis: -1, epsilon: attrs.epsilon.float }],
  Relu: () => ['Activation', { activation: 'relu' }],
  GlobalAveragePool: () => ['GlobalAveragePooling2D', {}],
  Gemm: (_, [{ shape }]) => ['Dense', { units: shape[1], activation: 'linear' }],
}

/** model.json and its shard, as a Map of bytes by name. */
export async function tfjsFiles() {
  const { nodes, values } = await onnx().read(modelBytes())
  const input = { name: 'input', batch_input_shape: [null, 32, 32, 3], dtype: 'float32' }
  const json = [{ class_name: 'InputLayer', name: 'input', config: input, inbound_nodes: [] }]
  const weights = []
  for (const node of nodes.filter(({ op }) => op !== 'Flatten')) {
    const tensors = node.inputs.slice(1).map((id) => values.get(id).tensor)
    const [class_name, config] = layers[node.op](node, tensors)
    const name = node.outputs[0] === 'logits' ? 'logits' : node.id
    json.push({ class_name, name, config: { name, ...config }, inbound_nodes: [[[json.at(-1).name, 0, 0, {}]]] })
    for (const [i, tensor] of tensors.entries())
      weights.push({ name: `${name}/${names[node.op][i]}`, ...(node.op === 'Conv' ? hwio(tensor) : tensor) })
  }
  const config = { name: 'shapes', layers: json, input_layers: [['input', 0, 0]], output_layers: [['logits', 0, 0]] }
  const model = {
    format: 'layers-model',
    modelTopology: { class_name: 'Functional', config },
    weightsManifest: [
      {
        paths: ['group1-shard1of1.bin'],
        weights: weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  }
  return new Map([
    ['model.json', Buffer.from(JSON.stringify(model))],
    [
      'group1-shard1of1.bin',
      Buffer.concat(
        weights.map(({ data: { buffer, byteOffset, byteLength } }) => new Uint8Array(buffer, byteOffset, byteLength)),
      ),
    ],
  ])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL('model/tfjs/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of await tfjsFiles()) writeFileSync(`${folder}${name}`, bytes)
}
