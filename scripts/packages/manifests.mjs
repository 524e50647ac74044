// package.json of what is published. The checkout's own differs in four things: it has no command, because npx would
// then install the checkout into its cache instead of running node_modules/.bin/hrn; it builds the addon when it is
// installed; it takes ONNX Runtime from onnxruntime-node; and it names no repository, because only whoever publishes knows
// where the sources are.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLATFORMS } from './platforms.mjs';

/** The checkout's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

export const checkoutManifest = () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

export const writeManifest = (folder, manifest) =>
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);

export const platformPackage = ({ name }) => `hrn-face-${name}`;

/**
 * `repository` of what is published from here: HRN_REPOSITORY, an address, or the repository that a hosting service's
 * workflow runs in; nothing where neither is known.
 *
 * @param {Record<string, string | undefined>} env
 */
export function repositoryField({ HRN_REPOSITORY, GITHUB_SERVER_URL, GITHUB_REPOSITORY }) {
  const hosted = GITHUB_SERVER_URL && GITHUB_REPOSITORY && `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git`;
  const url = HRN_REPOSITORY || hosted;
  return url ? { repository: { type: 'git', url } } : {};
}

/** @param checkout the checkout's package.json */
export function publishedManifest({ scripts, devDependencies, allowScripts, overrides, ...kept }) {
  const platforms = Object.fromEntries(PLATFORMS.map((one) => [platformPackage(one), kept.version]));
  const optionalDependencies = { ...kept.optionalDependencies, ...platforms };
  return { ...kept, ...repositoryField(process.env), bin: { hrn: 'dist/cli/main.js' }, optionalDependencies };
}

/** @param checkout the checkout's package.json */
export function platformManifest({ version, license, engines }, platform) {
  return {
    name: platformPackage(platform),
    version,
    description: `The addon of hrn-face and ONNX Runtime for ${platform.name}. Installed with hrn-face.`,
    license,
    ...repositoryField(process.env),
    os: [platform.os],
    cpu: [platform.cpu],
    ...(platform.libc && { libc: [platform.libc] }),
    engines,
    // Shared libraries are opened by the system, which cannot look into yarn's archives.
    preferUnplugged: true,
    files: ['prebuilds', 'onnxruntime'],
  };
}
