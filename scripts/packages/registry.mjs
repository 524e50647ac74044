// A package registry on this machine's loopback address: our archives, not published yet, and everything else passed
// through from the registry that npm is set up for.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';

/**
 * @param {{ manifest: { name: string, version: string }, archive: string }[]} packages published here; archive is a path
 * @returns {Promise<{ url: string, downloaded(): number, close(): void }>} `downloaded`: bytes of archives sent since the
 *   last call
 */
export async function startRegistry(packages) {
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim().replace(/\/$/, '');
  const own = new Map(
    packages.map(({ manifest, archive }) => [manifest.name, { manifest, bytes: readFileSync(archive) }]),
  );
  let sent = 0;
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      response.statusCode ||= 502;
      response.end(String(error));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;

  async function answer(request, response) {
    const path = decodeURIComponent(request.url.split('?')[0].slice(1));
    const archived = /^([^/]+)\/-\/[^/]+\.tgz$/.exec(path);
    if (archived && own.has(archived[1])) {
      const { bytes } = own.get(archived[1]);
      sent += bytes.length;
      response.end(bytes);
    } else if (own.has(path)) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(packument(own.get(path), url)));
    } else {
      await passOn(request, response);
    }
  }

  async function passOn(request, response) {
    const { accept = '*/*' } = request.headers;
    const reply = await fetch(upstream + request.url, { headers: { accept } });
    response.statusCode = reply.status;
    response.setHeader('content-type', reply.headers.get('content-type') ?? 'application/octet-stream');
    if (request.url.split('?')[0].endsWith('.tgz')) {
      for await (const chunk of Readable.fromWeb(reply.body)) {
        sent += chunk.length;
        response.write(chunk);
      }
      response.end();
    } else {
      // So that archives come through here too, and are counted.
      response.end((await reply.text()).replaceAll(upstream, url));
    }
  }

  return {
    url,
    downloaded() {
      const bytes = sent;
      sent = 0;
      return bytes;
    },
    close: () => server.close(),
  };
}

function packument({ manifest, bytes }, url) {
  const { name, version } = manifest;
  const hash = (algorithm, encoding) => createHash(algorithm).update(bytes).digest(encoding);
  const dist = {
    tarball: `${url}/${name}/-/${name}-${version}.tgz`,
    integrity: `sha512-${hash('sha512', 'base64')}`,
    shasum: hash('sha1', 'hex'),
  };
  // Some package managers take nothing that was published in the last days.
  const published = new Date(Date.now() - 90 * 24 * 3600e3).toISOString();
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    time: { created: published, modified: published, [version]: published },
  };
}
