import { modelNameSchema } from '@softmargin/shared/bundle/manifest.ts';
import * as z from 'zod';

/** Which bundle a request means. */
export interface ModelReference {
  readonly name: string;
  /** A version by its number, or by how its SHA-256 begins; the newest without it. */
  readonly version?: number;
  readonly sha256?: string;
}

/** `name`, `name@3` or `name@0123abcd`: a number of up to six digits, or at least eight of the SHA-256. */
export const modelReferenceSchema = z.string().transform((text, context): ModelReference => {
  const [name, version, ...rest] = text.split('@');
  const checked = modelNameSchema.safeParse(name);
  const isNumber = version !== undefined && /^[1-9]\d{0,5}$/.test(version);
  const isDigest = version !== undefined && /^[0-9a-f]{8,64}$/.test(version);
  if (!checked.success || rest.length > 0 || (version !== undefined && !isNumber && !isDigest)) {
    context.addIssue({
      code: 'custom',
      message:
        'must be a name of 1 to 64 of a-z, 0-9, dot, underscore and hyphen that starts with a letter or digit, and may end in @ and a version: its number, or 8 to 64 digits of its SHA-256',
    });
    return z.NEVER;
  }
  return {
    name,
    ...(isNumber && { version: Number(version) }),
    ...(isDigest && { sha256: version }),
  };
});
