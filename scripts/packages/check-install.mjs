#!/usr/bin/env node
// `npm run check:install [-- NAME...]`: makes the packages, serves them from a registry on this machine, and installs
// hrn-face as a user would with each package manager: an empty folder, no compiler on the PATH, install scripts as the
// manager treats them by default. Then import, require and a whole fit. Prints sizes and seconds, and fails if an
// installation warns of us, fetches or takes too much, or a fit differs from the others.
//
// The addon is the one that `npm run prebuild` has made, else that of the checkout.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutManifest, platformManifest, platformPackage, root, writeManifest } from './manifests.mjs';
import { managers, TOOLS } from './package-managers.mjs';
import { addonPath, PLATFORMS, platformNamed } from './platforms.mjs';
import { startRegistry } from './registry.mjs';
import { pack, packToPublish, stageMain, stagePlatform } from './stage.mjs';

const MOST_DOWNLOADED = 40e6;
const MOST_INSTALLED = 120e6;
/** All of a user's PATH: node, and what shell scripts of package managers use. */
const PROGRAMS = ['node', 'sh', 'env', 'uname', 'dirname', 'basename', 'readlink', 'sed', 'cat', 'npm', 'npx'];
const LOADED = "detect('astronaut.png').then((faces) => console.log(faces.length));";

const inCheckout = join(root, 'build', 'Release', 'hrn.node');
const work = mkdtempSync(join(tmpdir(), 'hrn-install-'));
const platform = platformNamed();

async function makePackages() {
  const builtAddon = (one) => join(root, 'npm', platformPackage(one), addonPath(one));
  const built = existsSync(builtAddon(platform));
  console.log(`addon: ${built ? 'prebuilt' : "the checkout's"}`);
  const published = (stage, { path }) => ({
    manifest: JSON.parse(readFileSync(join(stage, 'package.json'), 'utf8')),
    archive: path,
  });
  const packages = [];
  for (const stage of [stageMain(work), stagePlatform(work, platform, built ? builtAddon(platform) : inCheckout)]) {
    packages.push(published(stage, await packToPublish(stage, work)));
  }
  for (const other of PLATFORMS.filter(({ name }) => name !== platform.name)) {
    // Asked for by name and never unpacked here.
    const stage = join(work, platformPackage(other));
    mkdirSync(stage);
    writeManifest(stage, platformManifest(checkoutManifest(), other));
    packages.push(published(stage, pack(stage, work)));
  }
  return packages;
}

/** A PATH without a compiler. */
function bareBin() {
  const bin = join(work, 'bin');
  mkdirSync(bin);
  for (const program of PROGRAMS) {
    const path = execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
    symlinkSync(program === 'node' ? process.execPath : path, join(bin, program));
  }
  return bin;
}

const bytesOf = (folder) => Number(execFileSync('du', ['-sb', folder], { encoding: 'utf8' }).split('\t')[0]);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Not synchronously: the registry answers from this process. */
function run(command, cwd, env) {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    execFile(command[0], command.slice(1), { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command.join(' ')} exited with ${error.code}:\n${stdout}${stderr}`));
      else resolve({ text: stdout + stderr, seconds: (performance.now() - start) / 1000 });
    });
  });
}

async function tryManager(manager, registry, bin, tools) {
  const project = join(work, manager.name);
  const home = join(work, `home-${manager.name}`);
  for (const folder of [project, home]) mkdirSync(folder);
  writeFileSync(join(project, 'package.json'), '{ "name": "user", "version": "1.0.0", "private": true }\n');
  copyFileSync(join(root, 'examples', 'astronaut.png'), join(project, 'astronaut.png'));
  writeFileSync(join(project, 'program.mjs'), `import { detect } from 'hrn-face';\n${LOADED}\n`);
  writeFileSync(join(project, 'program.cjs'), `const { detect } = require('hrn-face');\n${LOADED}\n`);
  for (const [file, text] of Object.entries(manager.files?.(registry.url) ?? {}))
    writeFileSync(join(project, file), text);
  const env = { PATH: bin, HOME: home, CI: 'true', ...manager.env?.(registry.url, home) };
  const tool = (command) => command.map((word) => word.replace('TOOLS', tools));

  registry.downloaded();
  const install = await run(tool(manager.add), project, env);
  const complaints = install.text
    .split('\n')
    .filter((line) => /hrn|ignored build/i.test(line) && /warn|error|ignored/i.test(line));
  const fit = await run(
    tool([...manager.run, 'hrn', 'fit', 'astronaut.png', '--out', 'out', '--format', 'ply,glb']),
    project,
    env,
  );
  const loads = [];
  for (const program of ['program.mjs', 'program.cjs']) {
    loads.push(await run(tool([...manager.node, program]), project, env));
  }
  const facts = {
    downloaded: registry.downloaded(),
    installed: (manager.installed ?? ['node_modules']).reduce((sum, path) => sum + bytesOf(join(project, path)), 0),
    mesh: createHash('sha256')
      .update(readFileSync(join(project, 'out', 'astronaut.ply')))
      .digest('hex')
      .slice(0, 12),
  };
  console.log(
    `${manager.name.padEnd(22)} installs in ${install.seconds.toFixed(1)} s, ${megabytes(facts.downloaded)} downloaded, ` +
      `${megabytes(facts.installed)} installed; fits in ${fit.seconds.toFixed(1)} s, mesh ${facts.mesh}`,
  );
  const wrong = [
    ...complaints.map((line) => `it said: ${line}`),
    ...loads.filter(({ text }) => text !== '1\n').map(({ text }) => `a program said: ${text}`),
    ...(facts.downloaded > MOST_DOWNLOADED ? ['too much is downloaded'] : []),
    ...(facts.installed > MOST_INSTALLED ? ['too much is installed'] : []),
  ];
  return { ...facts, wrong };
}

const wanted = process.argv.slice(2);
let failed = 0;
try {
  const registry = await startRegistry(await makePackages());
  const tools = join(work, 'tools');
  mkdirSync(tools);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', tools, ...TOOLS], {
    stdio: 'ignore',
  });
  const bin = bareBin();
  const meshes = new Set();
  for (const manager of managers.filter(
    ({ name }) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)),
  )) {
    let wrong;
    try {
      const result = await tryManager(manager, registry, bin, join(tools, 'node_modules'));
      meshes.add(result.mesh);
      ({ wrong } = result);
    } catch (error) {
      wrong = [error.message];
    }
    for (const what of wrong) console.log(`${manager.name}: FAILED: ${what}`);
    failed += wrong.length;
  }
  if (meshes.size > 1) {
    console.log('FAILED: the meshes differ');
    failed++;
  }
  registry.close();
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
