import { readBody } from '../body.ts';
import { ApiError } from '../errors.ts';
import { MAX_PICTURE_BYTES, MAX_PICTURE_REDIRECTS, PICTURE_FETCH_MS } from '../limits.ts';
import { PictureError } from './decode.ts';

/**
 * Fetches a picture from an address that the service is set up to fetch from. Redirects are followed one by
 * one, and only to addresses of which the same is true: nothing leads to where the operator did not say.
 *
 * @param origins as `PICTURE_ORIGINS` has them.
 * @param hold is told of the bytes before they are taken.
 */
export async function fetchPicture(
  address: string,
  origins: readonly string[],
  hold: (bytes: number) => void,
): Promise<Uint8Array | PictureError> {
  let url = address;
  for (let redirects = 0; ; redirects++) {
    if (!isAllowed(url, origins)) return refusal(url, origins, redirects > 0);
    if (redirects > MAX_PICTURE_REDIRECTS) {
      return failure(`${address} redirects more than ${MAX_PICTURE_REDIRECTS} times`);
    }
    let response: Response;
    try {
      response = await fetch(url, {
        headers: { Accept: 'image/png, image/jpeg, image/webp' },
        redirect: 'manual',
        signal: AbortSignal.timeout(PICTURE_FETCH_MS),
      });
    } catch {
      return failure(`${url} did not answer within ${PICTURE_FETCH_MS / 1000} seconds`);
    }
    const location = response.headers.get('Location');
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      if (!URL.canParse(location, url)) return failure(`${url} redirects to no address`);
      url = new URL(location, url).href;
      continue;
    }
    if (!response.ok) {
      await response.body?.cancel();
      return failure(`${url} answers ${response.status}`);
    }
    return readPicture(response, url, hold);
  }
}

async function readPicture(
  response: Response,
  url: string,
  hold: (bytes: number) => void,
): Promise<Uint8Array | PictureError> {
  try {
    return await readBody(response, MAX_PICTURE_BYTES, 'A picture', { hold, within: PICTURE_FETCH_MS });
  } catch (error) {
    if (!(error instanceof ApiError)) return failure(`${url} breaks off`);
    if (error.status === 429) throw error;
    if (error.status === 408) return failure(`${url} takes longer than ${PICTURE_FETCH_MS / 1000} seconds`);
    return new PictureError(
      'picture_too_large',
      `The picture at ${url} has more than ${MAX_PICTURE_BYTES} bytes.`,
    );
  }
}

/** Whether an address is below one of the origins. `*` stands for names, never for an address of a machine. */
function isAllowed(address: string, origins: readonly string[]): boolean {
  if (!URL.canParse(address)) return false;
  const { origin, protocol, hostname, port, username, password } = new URL(address);
  if (username !== '' || password !== '') return false;
  return origins.some((allowed) => {
    if (!allowed.includes('*')) return new URL(allowed).origin === origin;
    const pattern = new URL(allowed.replace('*.', ''));
    return (
      pattern.protocol === protocol && pattern.port === port && hostname.endsWith(`.${pattern.hostname}`)
    );
  });
}

function refusal(url: string, origins: readonly string[], redirected: boolean): PictureError {
  if (origins.length === 0) {
    return new PictureError(
      'picture_not_inline',
      'This service fetches no pictures from the network; send the file itself as a data URI or as base64.',
    );
  }
  return new PictureError(
    'picture_not_allowed',
    `${redirected ? 'The address redirects to one that' : 'The address'} is not among those that pictures are fetched from (${origins.join(', ')}): ${url.slice(0, 200)}`,
  );
}

function failure(what: string): PictureError {
  return new PictureError('picture_not_fetched', `The picture could not be fetched: ${what}.`);
}
