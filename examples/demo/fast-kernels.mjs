// Convolution for the plain JavaScript backend as im2col and matrix products: the only way to train with TF.js in Node
// without a download at install is that backend, and its own convolutions are some ten times slower.
import * as tf from '@tensorflow/tfjs-core'

/** c[m, n] (+)= a[m, k] * b[k, n], row-major. */
function gemm(a, b, c, m, k, n) {
  for (let i = 0; i < m; i++) {
    const row = c.subarray(i * n, i * n + n)
    for (let p = 0; p < k; p++) {
      const factor = a[i * k + p]
      if (factor === 0) continue
      const other = b.subarray(p * n, p * n + n)
      for (let j = 0; j < n; j++) row[j] += factor * other[j]
    }
  }
}

/** c[k, n] = transpose(a[m, k]) * b[m, n]. */
function gemmTransposed(a, b, c, m, k, n) {
  for (let i = 0; i < m; i++) {
    const other = b.subarray(i * n, i * n + n)
    for (let p = 0; p < k; p++) {
      const factor = a[i * k + p]
      if (factor === 0) continue
      const row = c.subarray(p * n, p * n + n)
      for (let j = 0; j < n; j++) row[j] += factor * other[j]
    }
  }
}

/** Calls `visit(position, offset in patch, offset in x)` for every run of channels that a patch holds. */
function eachTap(
  {
    batchSize,
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    filterHeight,
    filterWidth,
    strideHeight,
    strideWidth,
    padInfo,
  },
  visit,
) {
  for (let b = 0, position = 0; b < batchSize; b++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++, position++)
        for (let fy = 0; fy < filterHeight; fy++) {
          const y = oy * strideHeight + fy - padInfo.top
          if (y < 0 || y >= inHeight) continue
          for (let fx = 0; fx < filterWidth; fx++) {
            const x = ox * strideWidth + fx - padInfo.left
            if (x < 0 || x >= inWidth) continue
            visit(position, (fy * filterWidth + fx) * inChannels, ((b * inHeight + y) * inWidth + x) * inChannels)
          }
        }
}

function patchesOf(x, info) {
  const width = info.filterHeight * info.filterWidth * info.inChannels
  const patches = new Float32Array(info.batchSize * info.outHeight * info.outWidth * width)
  eachTap(info, (position, at, from) => {
    for (let c = 0; c < info.inChannels; c++) patches[position * width + at + c] = x[from + c]
  })
  return { patches, width, positions: patches.length / width }
}

const infoOf = (shape, filterShape, { strides, pad, dataFormat }) =>
  tf.backend_util.computeConv2DInfo(
    shape,
    filterShape,
    strides,
    1,
    pad,
    undefined,
    false,
    tf.backend_util.convertConv2DDataFormat(dataFormat),
  )

/** Replaces the three convolution kernels of the cpu backend. */
export function useFastKernels() {
  const kernel = (kernelName, compute) => {
    tf.unregisterKernel(kernelName, 'cpu')
    tf.registerKernel({
      kernelName,
      backendName: 'cpu',
      kernelFunc: ({ inputs, attrs, backend }) => {
        const values = Object.fromEntries(
          Object.entries(inputs).map(([name, { dataId }]) => [name, backend.data.get(dataId).values]),
        )
        const { shape, data } = compute(values, inputs, attrs)
        return backend.makeTensorInfo(shape, 'float32', data)
      },
    })
  }
  kernel('Conv2D', ({ x, filter }, inputs, attrs) => {
    const info = infoOf(inputs.x.shape, inputs.filter.shape, attrs)
    const { patches, width, positions } = patchesOf(x, info)
    const data = new Float32Array(positions * info.outChannels)
    gemm(patches, filter, data, positions, width, info.outChannels)
    return { shape: info.outShape, data }
  })
  kernel('Conv2DBackpropFilter', ({ x, dy }, inputs, attrs) => {
    const info = infoOf(inputs.x.shape, attrs.filterShape, attrs)
    const { patches, width, positions } = patchesOf(x, info)
    const data = new Float32Array(width * info.outChannels)
    gemmTransposed(patches, dy, data, positions, width, info.outChannels)
    return { shape: attrs.filterShape, data }
  })
  kernel('Conv2DBackpropInput', ({ dy, filter }, inputs, attrs) => {
    const info = infoOf(attrs.inputShape, inputs.filter.shape, attrs)
    const width = info.filterHeight * info.filterWidth * info.inChannels
    const flipped = new Float32Array(width * info.outChannels)
    for (let i = 0; i < width; i++)
      for (let o = 0; o < info.outChannels; o++) flipped[o * width + i] = filter[i * info.outChannels + o]
    const positions = info.batchSize * info.outHeight * info.outWidth
    const patches = new Float32Array(positions * width)
    gemm(dy, flipped, patches, positions, info.outChannels, width)
    const data = new Float32Array(attrs.inputShape.reduce((a, b) => a * b, 1))
    eachTap(info, (position, at, to) => {
      for (let c = 0; c < info.inChannels; c++) data[to + c] += patches[position * width + at + c]
    })
    return { shape: attrs.inputShape, data }
  })
}
