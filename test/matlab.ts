/**
 * A MATLAB file of version 5 with the variables of CUHK03's protocol files, as `scipy.io.savemat` writes it
 * with `do_compression=True`:
 *
 *     filelist     six names, a cell of 6 × 1
 *     labels       [1, 1, 1, 2, 77, 300] as doubles, 6 × 1
 *     train_idx    [1, 3] as uint16, 2 × 1
 *     query_idx    [4], gallery_idx [5, 6], as doubles, 1 × 1 and 1 × 2
 *     note         'protocol'
 *     c            1 + 2i
 *     frac         [[0.5, -1.25], [3e9, 7]]
 */
export const SCIPY_PROTOCOL: Uint8Array = Uint8Array.from(
  Buffer.from(
    [
      'TUFUTEFCIDUuMCBNQVQtZmlsZSBQbGF0Zm9ybTogcG9zaXgsIENyZWF0ZWQgb246IFR1ZSBOb3YgMjQgMTQ6MTI6MDEgMjAy',
      'NgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABSU0PAAAAbAAAAHic42NgYHjA',
      'yMDABqQ5gBjIBANWKJ8NKsYI5adl5qTmZBaX8AHZDgwIfSxo+kDq+ZDME4DyDeMNDAzjgaShXkFeOkSMInOMqGGOUbyBGeXm',
      'GFHBX6bxBiaWQPcYGlBmDtBHBsZI7gEAZfkfjg8AAAA4AAAAeJzjY2BgyABiNiDmgNIgwIrEZ4RiEDsnMSk1p5iBgRPINmCA',
      'gQ/22GkGBwgZDKEPFDkAAGzHCWQPAAAAMgAAAHic42NgYHAAYjYg5gBibgYIYIXymYCYEYo5gbikKDEzLz4zpQKqjgUIGRmY',
      'GQBqXgRQDwAAAC4AAAB4nONjYGDwAGI2IOaA0iDACuUzImFOIC4sTS2qjM9MqYCq44SqgwABBwCRKgS/DwAAADgAAAB4nONj',
      'YGAIAGI2IOaA0iDACuUzAjETlOYG4vTEnJzUosr4zJQKsDpOIBZggAERBwgt4QAA0KYF6A8AAAAtAAAAeJzjY2BgsABiNiDm',
      'AGIWBghghfIZ4TQLQ15+SaoAlF9QlF+Sn5yfAwBIpQW0DwAAACsAAAB4nONjYGDwAGI2IOYA0SACCFihfEY4ZmRIBtKcUHEI',
      '+GCPymdwAABK5QJ4DwAAADkAAAB4nONjYGAIAGI2IOaA0iDACuUzQTEjAwtDWlFiMieQrcAAAw/sgcQB7qhnjhD+l/0QWsYB',
      'AM34B8g=',
    ].join(''),
    'base64',
  ),
);

/** The names in its `filelist`. */
export const PROTOCOL_FILES = [
  '1_001_1_01.png',
  '1_001_1_02.png',
  '1_001_2_06.png',
  '1_002_1_01.png',
  '5_049_2_10.png',
  '2_003_1_01.png',
];
