import type { Picture } from '@softmargin/shared/images/picture.ts';
import { JpegImage } from 'pdfjs-dist/image_decoders/pdf.image_decoders.min.mjs';
import { CodecComplaint } from './jpeg.ts';

/**
 * Decodes a JPEG of four components (CMYK, or YCCK as Adobe writes it) with the decoder of PDF.js: that of
 * @jsquash/jpeg gives RGB only, which libjpeg does not make of four components.
 *
 * As in Pillow, the values count as Adobe writes them, inverted, whether or not a marker says so, and a
 * channel is (255 − black) · (1 − ink / 255): no colour profile is applied.
 *
 * @throws {CodecComplaint} on a truncated or damaged file: the decoder fills what it lacks and only warns.
 * @throws on bytes that are no JPEG at all.
 */
export function decodeCmykJpeg(bytes: Uint8Array, width: number, height: number): Picture {
  const image = new JpegImage();
  const warnings = warningsOf(() => image.parse(bytes));
  if (warnings.length > 0) throw new CodecComplaint(warnings.join(' '));
  if (image.width !== width || image.height !== height || image.numComponents !== 4) {
    throw new Error('The JPEG file is not what its header says.');
  }
  const data = image.getData({ width, height, isSourcePDF: false });
  for (let i = 0; i < data.length; i += 4) {
    const light = 255 - data[i + 3];
    for (let c = 0; c < 3; c++) data[i + c] = light - divideBy255(data[i + c] * light);
    data[i + 3] = 255;
  }
  return { width, height, data };
}

/** What is printed as warnings by work that does not wait: PDF.js tells nobody else. */
function warningsOf(work: () => void): string[] {
  const lines: string[] = [];
  const { warn } = console;
  console.warn = (line: string) => lines.push(line.replace(/^Warning: /, ''));
  try {
    work();
  } finally {
    console.warn = warn;
  }
  return lines;
}

/** A product of two 8-bit values over 255, rounded as Pillow rounds it. */
function divideBy255(product: number): number {
  const value = product + 128;
  return ((value >> 8) + value) >> 8;
}
