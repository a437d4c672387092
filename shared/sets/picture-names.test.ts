import { expect, test } from 'vitest';
import { type PictureNaming, parsePictureName } from './picture-names.ts';

/** Names as the data sets have them: Market-1501, CUHK03-NP and VeRi-776, by their own descriptions. */
test.each<[PictureNaming, string, number, number]>([
  ['market1501', '0002_c1s1_000451_03.jpg', 2, 1],
  ['market1501', 'bounding_box_test/0000_c6s3_094992_01.jpg', 0, 6],
  ['market1501', '-1_c3s2_000001_00.jpg', -1, 3],
  ['cuhk03-np', '0003_c1_21.png', 3, 1],
  ['cuhk03-np', 'query/0767_c2s1_000001_00.png', 767, 2],
  ['veri776', '0001_c001_00016450_0.jpg', 1, 1],
  ['veri776', 'image_test/0776_c020_00085885_1.jpg', 776, 20],
  ['folders', '12/x.png', 12, 0],
  ['folders', 'train/-1/x.png', -1, 0],
])('%s: %s', (naming, path, identity, camera) => {
  expect(parsePictureName(path, naming)).toEqual({ identity, camera });
});

test.each<[PictureNaming, string]>([
  ['market1501', '0001_c001_00016450_0.jpg'],
  ['market1501', '0002_c1s1_000451/03.jpg'],
  ['market1501', 'x0002_c1s1_000451_03.jpg'],
  ['cuhk03-np', '0003_21.png'],
  ['veri776', '0002_c1s1_000451_03.jpg'],
  ['veri776', '-1_c001_00016450_0.jpg'],
  ['folders', 'cats/x.png'],
  ['folders', '12x/x.png'],
  ['folders', 'x.png'],
  ['folders', '9999999999/x.png'],
])('%s refuses %s', (naming, path) => {
  expect(() => parsePictureName(path, naming)).toThrow(`names: ${path}: it is not named like`);
});
