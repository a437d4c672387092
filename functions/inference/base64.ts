import { PictureError } from './decode.ts';

/** Bytes of a picture written as a `data:` URI or as bare base64. */
export function parsePictureText(text: string): Uint8Array | PictureError {
  const uri = /^data:([^,]*),/i.exec(text.slice(0, 256));
  if (uri !== null && !/;base64$/i.test(uri[1])) {
    return new PictureError(
      'invalid_base64',
      'The data URI is not base64: it has no ";base64" before its comma.',
    );
  }
  try {
    const binary = atob(uri === null ? text : text.slice(uri[0].length));
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch {
    return new PictureError('invalid_base64', 'The text is neither base64 nor a data URI with base64.');
  }
}

/** The numbers of an embedding as base64 of little-endian float32, as OpenAI's clients read it. */
export function encodeEmbedding(embedding: Float32Array): string {
  const view = new DataView(new ArrayBuffer(4 * embedding.length));
  for (const [i, value] of embedding.entries()) view.setFloat32(4 * i, value, true);
  let binary = '';
  for (const byte of new Uint8Array(view.buffer)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
