import 'vitest';

/** What `pictures.setup.ts` and `vitest.config.ts` give from Node to the tests in workerd. */
declare module 'vitest' {
  export interface ProvidedContext {
    /** Files by name, in base64. */
    pictures: Record<string, string>;
    /** RGBA of the picture in most files, 24×16, in base64. */
    pixels: string;
    /** RGBA of the files with an EXIF orientation, upright, in base64. */
    upright: Record<string, string>;
    /** Files of real digits, in base64: some of each digit, by digit. */
    digits: string[][];
    /** CMYK of the file that is CMYK, in base64. */
    inks: string;
    /** Whether the reference data has its odd pictures. */
    hasDecoderImages: boolean;
    /** Requests of the test of steady memory. */
    steadyRequests: number;
  }
}
