import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes that this Node holds and still needs: objects, array buffers and memories of WebAssembly. */
export function liveBytes(): number {
  // Array buffers are freed beside the program: the second time waits for those of the first.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
