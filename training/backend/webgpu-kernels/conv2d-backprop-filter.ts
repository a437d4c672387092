import * as tf from '@tensorflow/tfjs';

/** What this kernel uses of tfjs's WebGPU backend. */
interface WebgpuBackend {
  readonly device: { readonly limits: { readonly maxStorageBufferBindingSize: number } };
  disposeData(dataId: tf.DataId): boolean;
}

interface Call {
  readonly inputs: tf.Conv2DBackpropFilterInputs;
  readonly backend: WebgpuBackend;
  readonly attrs: tf.Conv2DBackpropFilterAttrs;
}

type Geometry = tf.backend_util.Conv2DInfo;

/** Parts of a product that run at once: enough for the processors of a large GPU. */
const PARTS_AT_ONCE = 512;

/** A product's shader computes its output in squares of this size. */
const SQUARE = 32;

/**
 * Gradient of a convolution's filter on WebGPU, as a product: the windows of the input, gathered tap by tap,
 * transposed, times the output's gradient. The kernel that it replaces has one thread for each weight, which
 * walks over all pictures alone, so that a GPU is all but idle.
 *
 * x [N, height, width, Cin], dy [N, outHeight, outWidth, Cout] → `filterShape`
 */
export function conv2dBackpropFilter({ inputs, backend, attrs }: Call): tf.TensorInfo {
  const x = inputs.x as tf.TensorInfo;
  const dy = inputs.dy as tf.TensorInfo;
  const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs;
  if (dataFormat !== 'NHWC') throw new Error(`Conv2DBackpropFilter takes NHWC, not ${dataFormat}.`);
  const geometryOf = (pictures: number) =>
    tf.backend_util.computeConv2DInfo(
      [pictures, ...x.shape.slice(1)] as [number, number, number, number],
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
    );

  const [pictures, ...mapShape] = x.shape;
  const slopeShape = dy.shape.slice(1);
  const atOnce = picturesAtOnce(geometryOf(pictures), backend);
  let sum: tf.TensorInfo | undefined;
  for (let start = 0; start < pictures; start += atOnce) {
    const count = Math.min(atOnce, pictures - start);
    const part = (tensor: tf.TensorInfo, shape: number[]) =>
      count === pictures
        ? tensor
        : run('Slice', { x: tensor }, backend, { begin: [start, 0, 0, 0], size: [count, ...shape] });
    const maps = part(x, mapShape);
    const slopes = part(dy, slopeShape);
    const gradient = asProduct(maps, slopes, geometryOf(count), backend);
    if (count !== pictures) dispose(backend, maps, slopes);
    if (sum === undefined) {
      sum = gradient;
    } else {
      const total = run('Add', { a: sum, b: gradient }, backend, {});
      dispose(backend, sum, gradient);
      sum = total;
    }
  }
  if (sum === undefined) throw new Error('The gradient of a filter needs at least one picture.');
  return withShape(sum, filterShape);
}

/** As many as can be gathered into one buffer that a shader may read. */
function picturesAtOnce(geometry: Geometry, { device }: WebgpuBackend): number {
  const { outHeight, outWidth, filterHeight, filterWidth, inChannels } = geometry;
  const bytes = 4 * outHeight * outWidth * filterHeight * filterWidth * inChannels;
  return Math.max(1, Math.floor(device.limits.maxStorageBufferBindingSize / bytes));
}

/** The pictures are split into parts with a product each where the filter alone would keep few processors busy. */
function asProduct(x: tf.TensorInfo, dy: tf.TensorInfo, geometry: Geometry, backend: WebgpuBackend) {
  const { batchSize, outHeight, outWidth, inChannels, outChannels, filterHeight, filterWidth } = geometry;
  const elements = filterHeight * filterWidth * inChannels;
  const parts = partsOf(batchSize, elements, outChannels);
  const pixels = (batchSize / parts) * outHeight * outWidth;
  const windows = gather(x, geometry, backend);
  const products = run(
    'BatchMatMul',
    { a: withShape(windows, [parts, pixels, elements]), b: withShape(dy, [parts, pixels, outChannels]) },
    backend,
    { transposeA: true, transposeB: false },
  );
  if (windows !== x) dispose(backend, windows);
  if (parts === 1) return products;
  const sum = run('Sum', { x: products }, backend, { axis: 0, keepDims: false });
  dispose(backend, products);
  return sum;
}

/** [N, outHeight, outWidth, taps · Cin]: the elements of every window side by side. */
function gather(x: tf.TensorInfo, geometry: Geometry, backend: WebgpuBackend): tf.TensorInfo {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, padInfo } = geometry;
  const { filterHeight, filterWidth, strideHeight, strideWidth } = geometry;
  if (filterHeight * filterWidth === 1 && outHeight === inHeight && outWidth === inWidth) return x;

  const paddings = [
    [0, 0],
    [padInfo.top, padInfo.bottom],
    [padInfo.left, padInfo.right],
    [0, 0],
  ];
  const padded = run('PadV2', { x }, backend, { paddings, constantValue: 0 });
  const taps: tf.TensorInfo[] = [];
  for (let row = 0; row < filterHeight; row++) {
    for (let column = 0; column < filterWidth; column++) {
      const lastRow = row + (outHeight - 1) * strideHeight;
      const lastColumn = column + (outWidth - 1) * strideWidth;
      const tap = run('StridedSlice', { x: padded }, backend, {
        begin: [0, row, column, 0],
        end: [batchSize, lastRow + 1, lastColumn + 1, inChannels],
        strides: [1, strideHeight, strideWidth, 1],
        ...{ beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 },
      });
      taps.push(tap);
    }
  }
  const gathered = run('Concat', taps as unknown as tf.NamedTensorInfoMap, backend, { axis: 3 });
  dispose(backend, padded, ...taps);
  return gathered;
}

/** The smallest divisor of the pictures that makes enough parts, or all of them. */
function partsOf(pictures: number, rows: number, columns: number): number {
  const squares = Math.ceil(rows / SQUARE) * Math.ceil(columns / SQUARE);
  for (let parts = 1; parts < pictures; parts++) {
    if (pictures % parts === 0 && parts * squares >= PARTS_AT_ONCE) return parts;
  }
  return pictures;
}

function run(
  name: string,
  inputs: tf.NamedTensorInfoMap,
  backend: WebgpuBackend,
  attrs: object,
): tf.TensorInfo {
  const kernel = tf.getKernel(name, 'webgpu');
  return kernel.kernelFunc({ inputs, backend, attrs: attrs as tf.NamedAttrMap }) as tf.TensorInfo;
}

function dispose(backend: WebgpuBackend, ...tensors: tf.TensorInfo[]): void {
  for (const { dataId } of tensors) backend.disposeData(dataId);
}

function withShape(tensor: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return { dataId: tensor.dataId, dtype: tensor.dtype, shape };
}
