import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopback } from './options.js';
import { Problem } from './problems.js';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Says whether an `Authorization` header holds one of the tokens. Hashes of equal length are compared, all of them, in a
 * time that does not depend on what was sent.
 */
export function tokenChecker(tokens: readonly string[]): (header: string | undefined) => boolean {
  const known = tokens.map(digest);
  return (header) => {
    const given = digest(/^Bearer ([^\s]{1,512})$/i.exec(header ?? '')?.[1] ?? '');
    let found = false;
    for (const one of known) found = timingSafeEqual(one, given) || found;
    return found;
  };
}

/**
 * Refuses what a web page of another origin makes a browser send: a name that was pointed at this address (DNS
 * rebinding), and requests that change something from another site.
 *
 * @param names hosts that the service goes by; empty: any
 * @throws Problem FORBIDDEN
 */
export function checkOrigin(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  method: string,
  names: readonly string[],
): void {
  const host = String(headers.host ?? '');
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  if (names.length > 0 && !isLoopback(name) && !names.includes(name)) {
    throw new Problem('FORBIDDEN', 'the service does not go by this host name; start it with --hostname');
  }
  if (method === 'GET' || method === 'HEAD') return;
  const { origin } = headers;
  const foreign = typeof origin === 'string' && origin.replace(/^https?:\/\//, '') !== host;
  if (foreign || headers['sec-fetch-site'] === 'cross-site') {
    throw new Problem('FORBIDDEN', 'requests from pages of other origins are refused');
  }
}
