import * as tf from '@tensorflow/tfjs';

/**
 * The numbers that `compute` comes to, everything in between disposed of. Read asynchronously, the only way
 * that every backend has.
 */
export async function read(compute: () => tf.Tensor): Promise<Float32Array> {
  const [numbers] = await readAll(() => [compute()]);
  return numbers;
}

/** The same of several tensors. */
export async function readAll(compute: () => tf.Tensor[]): Promise<Float32Array[]> {
  const tensors = tf.tidy(compute);
  try {
    return (await Promise.all(tensors.map((tensor) => tensor.data()))) as Float32Array[];
  } finally {
    tf.dispose(tensors);
  }
}
