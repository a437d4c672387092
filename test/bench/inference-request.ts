/** What the bench asks of `functions/bench/inference.ts`. */
export type InferenceRequest =
  /** One embedding by the built-in model, as a request to the service has it. */
  | { readonly operation: 'embed a picture' }
  | { readonly operation: 'memory' }
  /** Loads a network with random weights, for our kernels and for tfjs. */
  | { readonly operation: 'load'; readonly model: string }
  | {
      readonly operation: 'embed';
      readonly by: 'kernels' | 'tfjs';
      readonly batch: number;
      readonly times: number;
    }
  /** tfjs's own product of two squares. */
  | { readonly operation: 'multiply'; readonly size: number; readonly times: number }
  /** Milliseconds of each kind of layer for one picture, by this runtime's clock. */
  | { readonly operation: 'profile'; readonly times: number };
