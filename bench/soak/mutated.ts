// npm run bench:mutated -- --requests 100000 --seed 1: sends broken requests to `hrn serve` and fails where the service dies,
// answers with 500, or no longer takes a good one.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startService } from '../../test/service-process.js';
import { numberArgument, randomNumbers } from './arguments.js';

const requests = numberArgument('requests', 100_000);
const random = randomNumbers(numberArgument('seed', 1));
const LANES = 24;
/** What is not answered by then waits for more bytes, and would get them refused in time. */
const PATIENCE_MS = 250;

const whole = (below: number) => Math.floor(random() * below);
const oneOf = <T>(values: readonly T[]): T => values[whole(values.length)]!;

const photo = readFileSync(new URL('../../examples/astronaut.png', import.meta.url));
const service = await startService([
  '--workers',
  '2',
  '--threads',
  '1',
  '--log-level',
  'error',
  '--body',
  '1',
  '--request-timeout',
  '5',
]);
const port = Number(new URL(service.url).port);
const HOST = `Host: 127.0.0.1:${port}\r\n`;
const id = 'A'.repeat(24);
const form =
  '--x\r\nContent-Disposition: form-data; name="detail"\r\n\r\ncoarse\r\n' +
  '--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n';
const withBody = (head: string, body: Buffer) =>
  Buffer.concat([Buffer.from(`${head}${HOST}Content-Length: ${body.length}\r\n\r\n`), body]);
const json = Buffer.from('{"url":"http://127.0.0.1/a.png","detail":"coarse"}');
const start = photo.subarray(0, 4096);
/** Good requests, or nearly: what is broken is broken from these. */
const SEEDS: readonly Buffer[] = [
  withBody(
    'POST /v1/fits?wait=1&detail=coarse&textureSize=256&outputs=glb HTTP/1.1\r\nContent-Type: image/png\r\n',
    start,
  ),
  withBody('POST /v1/fits HTTP/1.1\r\nContent-Type: application/octet-stream\r\n', start),
  withBody(
    'POST /v1/fits?wait=1 HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n',
    Buffer.concat([Buffer.from(form), start.subarray(0, 600), Buffer.from('\r\n--x--\r\n')]),
  ),
  withBody('POST /v1/fits HTTP/1.1\r\nContent-Type: application/json\r\n', json),
  Buffer.from(
    `POST /v1/fits?wait=1 HTTP/1.1\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n${HOST}\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  ...['/', '/healthz', '/readyz', '/metrics', '/openapi.json', `/v1/fits/${id}`, `/v1/fits/${id}/head.glb`].map(
    (path) => Buffer.from(`GET ${path} HTTP/1.1\r\n${HOST}\r\n`),
  ),
  Buffer.from(`GET /v1/fits/${id}/events HTTP/1.1\r\n${HOST}Accept: text/event-stream\r\n\r\n`),
  Buffer.from(`DELETE /v1/fits/${id} HTTP/1.1\r\n${HOST}\r\n`),
];
const SPLICES: readonly Buffer[] = [
  ...[
    '\r\n',
    '\r\n\r\n',
    '\0',
    '%00',
    '%2e%2e%2f',
    '../',
    '?',
    '&wait=1',
    '&textureSize=1e9',
    '&face=-1',
    '{"__proto__":{}}',
  ],
  ...[
    'Content-Length: 99999999999\r\n',
    'Content-Length: -1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Expect: 100-continue\r\n',
  ],
  ...[
    'Content-Type: multipart/form-data\r\n',
    'Content-Encoding: gzip\r\n',
    `Authorization: Bearer ${'x'.repeat(600)}\r\n`,
  ],
  ...[
    'Upgrade: websocket\r\nConnection: Upgrade\r\n',
    'Range: bytes=0-\r\n',
    'Origin: null\r\n',
    'Host: evil\r\n',
    'ffffffffff\r\n',
  ],
  ...[`X: ${'y'.repeat(20_000)}\r\n`, '\u{1F600}', '--x\r\n', '--x--', 'filename="', 'HTTP/9.9', 'é'],
].map((text) => Buffer.from(text));

function mutated(): Buffer {
  let request = Buffer.from(oneOf(SEEDS));
  for (let n = 1 + whole(4); n > 0; n--) {
    const at = whole(request.length + 1);
    const to = Math.min(request.length, at + whole(40));
    const [before, after] = [request.subarray(0, at), request.subarray(at)];
    switch (whole(6)) {
      case 0:
        request = Buffer.concat([before, oneOf(SPLICES), after]);
        break;
      case 1:
        request = Buffer.concat([before, request.subarray(to)]);
        break;
      case 2:
        request = Buffer.concat([before, request.subarray(at, to), after]);
        break;
      case 3:
        if (at < request.length) request[at] = whole(256);
        break;
      case 4:
        request = Buffer.concat([before, oneOf(SEEDS).subarray(whole(200))]);
        break;
      default:
        request = Buffer.from(before);
    }
  }
  return request;
}

const answers = new Map<string, number>();
const count = (what: string) => answers.set(what, (answers.get(what) ?? 0) + 1);

const send = (bytes: Buffer) =>
  new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    let over = false;
    const done = (what: string) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (what === '500') console.log(JSON.stringify(bytes.toString('latin1').slice(0, 600)));
      socket.destroy();
      count(what);
      resolve();
    };
    const timer = setTimeout(() => done('waits'), PATIENCE_MS);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const status = /^HTTP\/1\.1 (\d{3}).*\r\n/.exec(answer)?.[1];
      if (status && status !== '100') done(status);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'error'));
    socket.on('close', () => done('closed'));
    socket.on('connect', () => socket.write(bytes));
  });

let sent = 0;
const begun = performance.now();
async function lane(): Promise<void> {
  while (sent < requests && service.child.exitCode === null) {
    sent++;
    await send(mutated());
    if (sent % 10_000 === 0) console.log(sent, JSON.stringify(Object.fromEntries(answers)));
  }
}
await Promise.all(Array.from({ length: LANES }, lane));
const alive = service.child.exitCode === null;
const good =
  alive &&
  (await fetch(`${service.url}/v1/fits?wait=1&detail=coarse&textureSize=256&outputs=glb`, {
    method: 'POST',
    body: photo,
    headers: { 'content-type': 'image/png' },
  }));
// Uploads that were left half-sent are refused in time, and nothing of them stays.
await sleep(9000);
const figures = await (await fetch(`${service.url}/metrics`)).text();
const restarts = Number(/^hrn_worker_restarts_total (\d+)/m.exec(figures)?.[1]);
const code = await service.stop('SIGTERM');
// What the service itself holds to be a defect.
for (const line of service.log.split('\n').filter((text) => text.includes('"level":50')))
  console.log(line.slice(0, 1500));
const report = {
  requests: sent,
  seconds: Math.round((performance.now() - begun) / 1000),
  answers: Object.fromEntries([...answers].sort()),
  alive,
  workersReplaced: restarts,
  openAfterwards: Number(/^hrn_uploads (\d+)/m.exec(figures)?.[1]),
  goodRequestAfterwards: good ? good.status : 0,
  exitCode: code,
};
console.log(JSON.stringify(report, null, 2));
process.exitCode =
  alive && report.goodRequestAfterwards === 200 && !answers.has('500') && code === 0 && restarts === 0 ? 0 : 1;
