import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { HrnError } from '../index.js';
import { Problem } from './problems.js';
import { saveBody } from './upload.js';

/** Addresses that are not of the public internet: a client must not reach through us what only we can reach. */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ...[
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
  ],
  ...[
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
  ],
  ...[
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ],
] as [string, number][]) {
  PRIVATE.addSubnet(network, bits, 'ipv4');
}
// Of IPv6 only global unicast is public, less what wraps or stands for IPv4 addresses and documentation.
const GLOBAL6 = new BlockList();
GLOBAL6.addSubnet('2000::', 3, 'ipv6');
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as [string, number][]) {
  PRIVATE.addSubnet(network, bits, 'ipv6');
}

export function isPublic(address: string): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (PRIVATE.check(address, family)) return false;
  return family === 'ipv4' || GLOBAL6.check(address, 'ipv6');
}

const MAX_REDIRECTS = 3;

export interface FetchLimits {
  /** `any`, or hosts with or without a port. */
  allowed: readonly string[];
  bodyBytes: number;
  timeoutMs: number;
}

/** Fetches the photo at an http(s) address into a new file; returns its bytes. Throws Problem or HrnError. */
export async function savePhotoAt(address: string, path: string, limits: FetchLimits): Promise<number> {
  const signal = AbortSignal.timeout(limits.timeoutMs);
  let url = new URL(address);
  try {
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await get(url, limits, signal);
      const { statusCode = 0, headers } = response;
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.destroy();
        url = new URL(headers.location, url);
        continue;
      }
      if (statusCode !== 200) {
        response.destroy();
        throw new HrnError('SERVICE_UNAVAILABLE', `the address of the photo answers with status ${statusCode}`);
      }
      return await saveBody(response, path, limits.bodyBytes);
    }
  } catch (cause) {
    if (cause instanceof Problem || cause instanceof HrnError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') throw cause;
    const why = signal.aborted ? 'it took too long' : (code ?? 'it failed');
    throw new HrnError('SERVICE_UNAVAILABLE', `the photo could not be fetched from its address: ${why}`, { cause });
  }
  throw new HrnError('SERVICE_UNAVAILABLE', `the address of the photo redirects more than ${MAX_REDIRECTS} times`);
}

function get(url: URL, { allowed }: FetchLimits, signal: AbortSignal): Promise<IncomingMessage> {
  const named = allowed.includes(url.hostname) || allowed.includes(url.host);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Problem('FORBIDDEN', 'photos are fetched by http and https only');
  }
  if (!named && !allowed.includes('any')) {
    throw new Problem('FORBIDDEN', 'photos are not fetched from this host; see --allow-urls');
  }
  // Names of a literal address are not looked up, so it is checked here.
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (!named && isIP(literal) !== 0 && !isPublic(literal)) throw notPublic();
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = { accept: 'image/*', 'user-agent': 'hrn' };
    const lookup = named ? undefined : publicLookup;
    // A connection of its own: a kept one might lead to an address that was looked up for somebody else.
    request(url, { signal, headers, agent: false, lookup }, resolve).on('error', reject).end();
  });
}

/** Looks a name up and refuses it when it stands for an address that is not public: what is checked is what is used. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, '', 0);
    if (addresses.length === 0 || addresses.some(({ address }) => !isPublic(address))) {
      return callback(notPublic() as unknown as NodeJS.ErrnoException, '', 0);
    }
    if (options.all) return callback(null, addresses);
    callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};

function notPublic(): Problem {
  return new Problem('FORBIDDEN', 'the address of the photo is not public');
}
