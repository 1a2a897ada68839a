// The trained layers as an ONNX model (opset 17, NCHW, dynamic batch, batch norms kept), through the graph IR.
import { encodeOnnx } from '@mixbit/onnx'

const float = (data, shape) => ({ dtype: 'f32', shape, data: Float32Array.from(data) })

/** HWIO kernel of TF.js to OIHW of ONNX. */
function oihw(data, [h, w, i, o]) {
  const result = new Float32Array(data.length)
  for (let k = 0; k < h * w; k++)
    for (let c = 0; c < i; c++) for (let n = 0; n < o; n++) result[(n * i + c) * h * w + k] = data[(k * i + c) * o + n]
  return float(result, [o, i, h, w])
}

/** Bytes of the model. TF's "same" padding puts the odd pixel behind: for stride 2 it is [0, 0, 1, 1]. */
export function writeOnnx(model, classes) {
  const values = new Map()
  const nodes = []
  const constant = (id, tensor) => {
    values.set(id, { id, dtype: tensor.dtype, shape: tensor.shape, tensor })
    return id
  }
  const node = (id, op, inputs, attrs = {}, output = id) => {
    values.set(output, { id: output, dtype: 'f32', ...(output === 'logits' && { shape: ['N', classes] }) })
    nodes.push({ id, kind: 'opaque', op, inputs, outputs: [output], attrs, weights: [] })
    return output
  }
  values.set('input', { id: 'input', dtype: 'f32', shape: ['N', 3, 32, 32] })
  let at = 'input'
  let [convs, norms] = [0, 0]
  for (const layer of model.layers) {
    const weights = layer.getWeights().map((tensor) => ({ data: tensor.dataSync(), shape: tensor.shape }))
    switch (layer.getClassName()) {
      case 'Conv2D': {
        const id = `conv${++convs}`
        const [stride] = layer.strides
        at = node(id, 'Conv', [at, constant(`${id}.weight`, oihw(weights[0].data, weights[0].shape))], {
          kernel_shape: [3, 3],
          strides: [stride, stride],
          pads: stride === 2 ? [0, 0, 1, 1] : [1, 1, 1, 1],
        })
        break
      }
      case 'BatchNormalization': {
        const id = `norm${++norms}`
        const names = ['gamma', 'beta', 'mean', 'variance']
        at = node(
          id,
          'BatchNormalization',
          [at, ...weights.map(({ data, shape }, i) => constant(`${id}.${names[i]}`, float(data, shape)))],
          { epsilon: { float: layer.epsilon } },
        )
        break
      }
      case 'Activation':
        at = node(`relu${norms}`, 'Relu', [at])
        break
      case 'GlobalAveragePooling2D':
        at = node('flat', 'Flatten', [node('pool', 'GlobalAveragePool', [at])], { axis: 1 })
        break
      case 'Dense':
        at = node(
          'dense',
          'Gemm',
          [
            at,
            constant('dense.weight', float(weights[0].data, weights[0].shape)),
            constant('dense.bias', float(weights[1].data, weights[1].shape)),
          ],
          {},
          'logits',
        )
        break
    }
  }
  return encodeOnnx({
    name: 'shapes',
    inputs: ['input'],
    outputs: ['logits'],
    nodes,
    values,
    meta: { opsets: { '': 17 }, irVersion: 8 },
  })
}
