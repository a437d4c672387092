// What the Worker loads when it first needs it. In its bundle that takes no I/O; here it does, and requests that come at
// once would wait for what one of them loads, which the runtime forbids.
import '../inference/cmyk-jpeg.ts';
import '../inference/tensorflow.ts';
