import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { VERSION } from '../version.js';

/** Platforms that hrn has a package for, as node names them. */
export const PLATFORMS = ['linux-x64', 'linux-arm64', 'win32-x64', 'darwin-arm64'] as const;

/** Where a program runs. */
export interface Host {
  /** As `process.platform` and `process.arch`. */
  platform: string;
  arch: string;
  /** Of Linux. */
  libc?: 'glibc' | 'musl';
}

/** The npm package that holds the addon and ONNX Runtime for a platform; there need not be one. */
export function platformPackage({ platform, arch }: Host = process): string {
  return `hrn-face-${platform}-${arch}`;
}

/** Why nothing is there for a platform, and what to do. */
export function missingPlatform(host: Host = thisHost()): string {
  const here = `${host.platform}-${host.arch}`;
  if (host.platform === 'linux' && host.libc === 'musl') {
    return (
      'this Linux has the C library musl (Alpine), for which ONNX Runtime is not made. ' +
      'Use an image with glibc, such as node:22-slim in place of node:22-alpine.'
    );
  }
  if (here === 'darwin-x64') {
    return (
      'ONNX Runtime is no longer made for Macs with Intel processors. ' +
      'Use a Linux container (docker run --platform linux/amd64 node:22-slim) or a Mac with Apple silicon.'
    );
  }
  if (here === 'win32-arm64') {
    return 'there is no package for Windows on ARM. Use the x64 build of node, which Windows runs there too.';
  }
  if (!(PLATFORMS as readonly string[]).includes(here)) {
    return `there is no package for ${here}; there is one for ${PLATFORMS.join(', ')}.`;
  }
  const name = platformPackage(host);
  return (
    `the package ${name} is not installed or not whole. It is an optional dependency of hrn-face, left out by ` +
    `--omit=optional or --no-optional, or by a lock file or node_modules folder that was made on another platform. ` +
    `Install again on this one, or: npm install ${name}@${VERSION}`
  );
}

/** This process's. */
export function thisHost(): Host {
  const { platform, arch } = process;
  return platform === 'linux' ? { platform, arch, libc: isMusl() ? 'musl' : 'glibc' } : { platform, arch };
}

function isMusl(): boolean {
  const { report } = process;
  // Reports ask the network for host names unless told not to; node 20 has no type for this yet.
  const quiet = report as typeof report & { excludeNetwork?: boolean };
  const before = quiet.excludeNetwork;
  quiet.excludeNetwork = true;
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  quiet.excludeNetwork = before ?? false;
  return header.glibcVersionRuntime === undefined;
}

/** Folder of an installed package, as hrn itself would resolve it; undefined where there is none. */
export function packageFolder(name: string): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}
