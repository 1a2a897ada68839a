// The shared models with real inputs: how each bench gets its feeds. Everything here is absent on a fresh machine.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import sharp from 'sharp'

export const shared = fileURLToPath(new URL('../../shared/', import.meta.url))
export const sharedIsThere = existsSync(shared)
const data = (path) => readFileSync(join(shared, 'data', path))

const f32 = (values, shape) => ({ dtype: 'f32', shape, data: Float32Array.from(values) })
const feed = (entries) => new Map(Object.entries(entries))

/** Seeded numbers in [0, 1) (mulberry32). */
export function random(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** CIFAR-10 records to normalised NCHW feeds with labels. */
export function cifar(file, start, count, input) {
  const bytes = data(`cifar10/${file}`)
  const mean = [0.485, 0.456, 0.406]
  const std = [0.229, 0.224, 0.225]
  return Array.from({ length: Math.min(count, bytes.length / 3073 - start) }, (_, i) => {
    const at = (start + i) * 3073
    const pixels = new Float32Array(3072)
    for (let p = 0; p < 1024; p++)
      for (let c = 0; c < 3; c++) pixels[c * 1024 + p] = (bytes[at + 1 + p * 3 + c] / 255 - mean[c]) / std[c]
    return { label: bytes[at], feed: feed({ [input]: { dtype: 'f32', shape: [1, 3, 32, 32], data: pixels } }) }
  })
}

/** ImageNet samples: centre crop of 224, one value per channel through `scale(value, channel)`, NCHW. */
export async function imagenet(start, count, input, scale, bgr = false) {
  const folder = join(shared, 'data/imagenet-sample500')
  const rows = readFileSync(join(folder, 'labels.tsv'), 'utf8')
    .trim()
    .split('\n')
    .filter((row) => row.includes('.jpg'))
  const samples = []
  for (let i = start; i < Math.min(rows.length, start + count); i++) {
    const [file, label] = rows[(i * 37) % rows.length].split('\t')
    const rgb = await sharp(join(folder, file))
      .resize(256, 256, { fit: 'outside' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    const { width, height } = rgb.info
    const [left, top] = [Math.floor((width - 224) / 2), Math.floor((height - 224) / 2)]
    const pixels = new Float32Array(3 * 224 * 224)
    for (let y = 0; y < 224; y++)
      for (let x = 0; x < 224; x++)
        for (let c = 0; c < 3; c++) {
          const value = rgb.data[((top + y) * width + left + x) * 3 + c]
          pixels[(bgr ? 2 - c : c) * 224 * 224 + y * 224 + x] = scale(value, c)
        }
    samples.push({
      label: Number(label),
      feed: feed({ [input]: { dtype: 'f32', shape: [1, 3, 224, 224], data: pixels } }),
    })
  }
  return samples
}

const faces = async () => {
  const folder = join(shared, 'data/faces')
  const samples = []
  for (const file of readdirSync(folder).sort()) {
    const rgb = await sharp(join(folder, file)).resize(320, 320, { fit: 'fill' }).removeAlpha().raw().toBuffer()
    const pixels = new Float32Array(3 * 320 * 320)
    for (let p = 0; p < 320 * 320; p++) for (let c = 0; c < 3; c++) pixels[(2 - c) * 320 * 320 + p] = rgb[p * 3 + c]
    samples.push({ feed: feed({ input: { dtype: 'f32', shape: [1, 3, 320, 320], data: pixels } }) })
  }
  return samples
}

const ppocr = async (count = 16) => {
  const rgb = await imagenet(0, count, 'x', (v) => v / 127.5 - 1)
  return rgb.map(({ feed: sample }) => {
    const source = sample.get('x').data
    const pixels = new Float32Array(3 * 48 * 192)
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 48; y++)
        for (let x = 0; x < 192; x++) pixels[(c * 48 + y) * 192 + x] = source[(c * 224 + y + 80) * 224 + x + 16]
    return { feed: feed({ x: { dtype: 'f32', shape: [1, 3, 48, 192], data: pixels } }) }
  })
}

const superres = async () => {
  const rgb = await imagenet(0, 12, 'x', (v) => v / 255)
  return rgb.map(({ feed: sample }) => {
    const s = sample.get('x').data
    const y = new Float32Array(224 * 224)
    for (let p = 0; p < y.length; p++) y[p] = 0.299 * s[p] + 0.587 * s[y.length + p] + 0.114 * s[2 * y.length + p]
    return { feed: feed({ input: { dtype: 'f32', shape: [1, 1, 224, 224], data: y } }) }
  })
}

const magika = (start, count) => {
  const rows = data('magika/samples.tsv')
    .toString()
    .trim()
    .split('\n')
    .filter((row) => /^\d/.test(row))
  const bytes = data('magika/features_u16_2048.bin')
  return rows.slice(start, start + count).map((row) => {
    const [index, label] = row.split('\t').map(Number)
    const ids = new Int32Array(2048)
    for (let i = 0; i < 2048; i++) ids[i] = bytes.readUInt16LE((index * 2048 + i) * 2)
    return { label, feed: feed({ bytes: { dtype: 'i32', shape: [1, 2048], data: ids } }) }
  })
}

const sortInputs = (count, seed) => {
  const next = random(seed)
  return Array.from({ length: count }, () => {
    const symbols = Array.from({ length: 6 }, () => Math.floor(next() * 3))
    const sorted = [...symbols].sort()
    const ids = BigInt64Array.from([...symbols, ...sorted.slice(0, 5)].map(BigInt))
    return { feed: feed({ input_ids: { dtype: 'i64', shape: [1, 11], data: ids } }) }
  })
}

const shakespeare = (file, count) => {
  const vocab = JSON.parse(readFileSync(join(shared, 'models/charrnn_shakespeare/vocab.json'), 'utf8'))
  const text = data(`text/${file}`).toString()
  const known = [...text].map((c) => vocab[c]).filter((id) => id !== undefined)
  return Array.from({ length: count }, (_, i) => ({
    feed: feed({
      input_ids: {
        dtype: 'i64',
        shape: [1, 100],
        data: BigInt64Array.from(known.slice(i * 100, i * 100 + 100).map(BigInt)),
      },
    }),
  }))
}

const speech = (count) => {
  const wav = data('audio/silero_test.wav')
  const samples = new Int16Array(
    wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length - ((wav.length - 44) % 2)),
  )
  return Array.from({ length: count }, (_, i) => ({
    feed: feed({
      input: f32(samples.subarray(i * 4096, i * 4096 + 576), [1, 576]),
      state: { dtype: 'f32', shape: [2, 1, 128], data: new Float32Array(256) },
      sr: { dtype: 'i64', shape: [], data: BigInt64Array.of(16000n) },
    }),
  })).map((sample) => {
    const input = sample.feed.get('input')
    return { feed: new Map(sample.feed).set('input', { ...input, data: input.data.map((x) => x / 32768) }) }
  })
}

const digits = (count) => {
  const images = gunzipSync(data('mnist/t10k-images-idx3-ubyte.gz'))
  const labels = data('mnist/t10k-labels-idx1-ubyte')
  return Array.from({ length: count }, (_, i) => ({
    label: labels[8 + i],
    feed: feed({ Input3: f32(images.subarray(16 + i * 784, 16 + (i + 1) * 784), [1, 1, 28, 28]) }),
  }))
}

const caffe = [103.94, 116.78, 123.68]

/** Name -> path and samples (count of them, real where data is there). */
export const models = {
  resnet32: { path: 'resnet_cifar10/resnet32.onnx', samples: (n) => cifar('calib_train1000.bin', 0, n, 'input') },
  resnet20: { path: 'resnet_cifar10/resnet20.onnx', samples: (n) => cifar('calib_train1000.bin', 0, n, 'input') },
  mobilenet_v1: {
    path: 'mobilenet_v1_025_224/model.onnx',
    samples: (n) => imagenet(0, n, 'input', (v) => v / 127.5 - 1),
  },
  squeezenet: {
    path: 'squeezenet1_1/model.onnx',
    samples: (n) => imagenet(0, n, 'data_0', (v, c) => v - caffe[2 - c], true),
  },
  magika: { path: 'magika_v3_3/model.onnx', samples: (n) => magika(0, n) },
  gpt_nano_sort: { path: 'gpt_nano_sort/model.onnx', samples: (n) => sortInputs(n, 7) },
  charrnn: { path: 'charrnn_shakespeare/model.onnx', samples: (n) => shakespeare('tinyshakespeare_head200k.txt', n) },
  yunet_n: { path: 'yunet/yunet_n_320_320.onnx', samples: faces },
  silero_vad: { path: 'silero_vad/silero_vad_16k_op15.onnx', samples: speech },
  ppocr_cls: { path: 'ppocr_cls/ch_ppocr_mobile_v2.0_cls_infer.onnx', samples: ppocr },
  superres: { path: 'superres_subpixel_x3/model.onnx', samples: superres },
  mnist_cntk: { path: 'mnist_cntk/model.onnx', samples: digits },
}

/** What MCT does with weights: nearest points of 8, 4 and 2 bits. */
export const mctWeights = { bits: [8, 4, 2], scheme: 'symmetric', perChannel: true }

export const modelBytes = (name) => new Uint8Array(readFileSync(join(shared, 'models', models[name].path)))

/** Calibration and test samples that share nothing, by model; `n` calibration samples. */
const parted = (load, n, count) => {
  const all = load(n + count)
  return { calibration: all.slice(0, n), test: all.slice(n) }
}
const imagenetParts = async (name, n) => {
  const all = await models[name].samples(500)
  return { calibration: all.slice(0, n), test: all.slice(n) }
}
export const scoring = {
  resnet20: (n = 1000) => ({
    calibration: models.resnet20.samples(n),
    test: cifar('test5k.bin', 0, 5000, 'input'),
  }),
  resnet32: (n = 1000) => ({
    calibration: models.resnet20.samples(n),
    test: cifar('test5k.bin', 0, 5000, 'input'),
  }),
  mobilenet_v1: (n = 100) => imagenetParts('mobilenet_v1', n),
  squeezenet: (n = 100) => imagenetParts('squeezenet', n),
  magika: (n = 160) => parted((count) => magika(0, count), n, 1000),
  gpt_nano_sort: (n = 128) => ({ calibration: sortInputs(n, 7), test: sortInputs(300, 11) }),
  charrnn: (n = 128) => ({
    calibration: shakespeare('tinyshakespeare_head200k.txt', n),
    test: shakespeare('tinyshakespeare_tail20k.txt', 150),
  }),
}
