/** Where webhooks of a deployment may go. */
export interface AllowedPlaces {
  /** To this machine, over plain HTTP. */
  readonly loopback: boolean;
  /** Only to these hosts, where they are given; `*.example.com` is all below a name. */
  readonly hosts?: readonly string[] | undefined;
}

/**
 * What is wrong with the address of a webhook, or `undefined`. It may not lead inside: the request is sent by
 * the service, from where it runs, with what the caller chose. A name that resolves to a private address is
 * not found here, as a Worker cannot resolve names; a list of hosts keeps them out.
 */
export function addressError(address: string, { loopback, hosts }: AllowedPlaces): string | undefined {
  if (!URL.canParse(address)) return 'is not a URL';
  // The parser writes every form of an IPv4 address, "0x7f.1" or "2130706433" too, as four decimal numbers.
  const { protocol, hostname, username, password } = new URL(address);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an https URL';
  if (username !== '' || password !== '') return 'may not hold a user name or a password';
  const host = hostname.replace(/\.$/, '');
  const place = placeOf(host);
  if (place === 'loopback' && loopback) return undefined;
  if (protocol !== 'https:') return 'must be an https URL';
  if (place !== 'public') return 'may not be a private, link-local or reserved address';
  if (hosts === undefined || hosts.some((allowed) => covers(allowed, host))) return undefined;
  return `has the host "${host}", which is none of those that this service sends to`;
}

function covers(allowed: string, host: string): boolean {
  return allowed.startsWith('*.') ? host.endsWith(allowed.slice(1)) : host === allowed;
}

type Place = 'public' | 'loopback' | 'inside';

function placeOf(host: string): Place {
  if (host.startsWith('[')) return placeOfIpv6(host.slice(1, -1));
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return placeOfIpv4(host.split('.').map(Number));
  if (host === 'localhost' || host.endsWith('.localhost')) return 'loopback';
  return !host.includes('.') || /\.(local|internal|lan|home\.arpa)$/.test(host) ? 'inside' : 'public';
}

function placeOfIpv4([a, b, c]: readonly number[]): Place {
  if (a === 127) return 'loopback';
  const inside =
    a === 0 ||
    a === 10 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 192 && b === 0 && (c === 0 || c === 2)) ||
    (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) ||
    (a === 203 && b === 0 && c === 113) ||
    a >= 224;
  return inside ? 'inside' : 'public';
}

/** @param address as the parser writes it: lower case, the longest run of zeros as "::". */
function placeOfIpv6(address: string): Place {
  if (address === '::1') return 'loopback';
  const groups = expand(address);
  const [first] = groups;
  const leading = groups.slice(0, 5).every((group) => group === 0);
  // Addresses that hold an IPv4 address: "::ffff:a.b.c.d", and the ones that gateways translate.
  if (leading && groups[5] === 0xffff) return placeOfIpv4(bytesOf(groups[6], groups[7]));
  if (first === 0x64 && groups[1] === 0xff9b) return placeOfIpv4(bytesOf(groups[6], groups[7]));
  if (first === 0x2002) return placeOfIpv4(bytesOf(groups[1], groups[2]));
  // Global unicast is 2000::/3; without the part for documentation.
  const global = first >= 0x2000 && first < 0x4000 && !(first === 0x2001 && groups[1] === 0xdb8);
  return global ? 'public' : 'inside';
}

function expand(address: string): number[] {
  const [head, tail] = address.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const zeros = tail === undefined ? [] : new Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}

function bytesOf(high: number, low: number): number[] {
  return [high >> 8, high & 255, low >> 8, low & 255];
}
