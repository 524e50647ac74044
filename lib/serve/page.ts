import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

/** The page as built from viewer/; read once, since it is small and never changes. */
const PAGE: readonly [address: string, file: string, type: string][] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/viewer.js', 'viewer.js', 'text/javascript; charset=utf-8'],
  ['/viewer.css', 'viewer.css', 'text/css; charset=utf-8'],
  ['/licences.txt', 'licences.txt', 'text/plain; charset=utf-8'],
];

/** Scripts, styles and connections of this origin only; pictures and models also of the page's own making. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' blob: data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export async function addPage(app: FastifyInstance): Promise<void> {
  for (const [address, file, type] of PAGE) {
    const bytes = await readFile(fileURLToPath(new URL(`../viewer/${file}`, import.meta.url)));
    app.get(address, { config: { open: true }, schema: { hide: true } }, async (_request, reply) =>
      reply
        .type(type)
        .header('content-security-policy', POLICY)
        .header('permissions-policy', 'camera=(self), microphone=(), geolocation=()')
        .header('cache-control', 'no-cache')
        .send(bytes),
    );
  }
}
