// Looks into an addon of any platform: what it exports, which libraries it needs, and how old a system it runs on.
import { execFileSync } from 'node:child_process';
import { machO } from './mach-o.mjs';

/** By what node loads an addon. */
const EXPORTS = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
/** Functions of the process that opens it. */
const NODE_API = /^(napi_|node_api_)/;
/** glibc of the oldest Linux that is served: RHEL 8, Debian 10; what ONNX Runtime's library needs too. */
const OLDEST_GLIBC = [2, 28];
/** What may be needed: parts of glibc; of every Windows 10 (and node.exe); of every macOS. */
const SYSTEM_LIBRARIES = {
  linux: /^(lib(c|m|dl|rt|pthread|gcc_s)\.so\.\d|ld-linux-(x86-64|aarch64)\.so\.\d)$/,
  win32: /^(node\.exe|kernel32\.dll|ntdll\.dll|advapi32\.dll|api-ms-win-.*\.dll)$/i,
  darwin: /^\/usr\/lib\/lib(System\.B|c\+\+\.1)\.dylib$/,
};

/**
 * @param {string} path of the addon
 * @param {import('./platforms.mjs').Platform} platform
 * @returns {string} what was found, as a line
 * @throws Error where it would not load on every system of the platform
 */
export function checkAddon(path, platform) {
  const {
    exports,
    lost = [],
    libraries,
    oldest,
  } = { linux: elf, win32: pe, darwin: machO }[platform.os](path, platform);
  const differ = JSON.stringify([...exports].sort()) !== JSON.stringify(EXPORTS);
  if (differ) throw new Error(`${path} exports ${exports.join(', ') || 'nothing'}, not ${EXPORTS.join(' and ')}`);
  const unknown = lost.filter((name) => !NODE_API.test(name));
  if (unknown.length > 0) throw new Error(`${path} needs ${unknown.join(', ')}, which no library is named for`);
  const strange = libraries.filter((name) => !SYSTEM_LIBRARIES[platform.os].test(name));
  if (strange.length > 0) throw new Error(`${path} needs ${strange.join(', ')}`);
  return `needs ${libraries.join(', ')}${oldest ? `; ${oldest}` : ''}`;
}

function elf(path, { cpu }) {
  const read = (...args) => execFileSync('readelf', ['-W', ...args, path], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const machine = { x64: 'X86-64', arm64: 'AArch64' }[cpu];
  if (!read('-h').includes(machine)) throw new Error(`${path} is not for ${machine}`);
  const symbols = [...read('--dyn-syms').matchAll(/(?:GLOBAL|WEAK)\s+DEFAULT\s+(\w+)\s+(\S+)/g)];
  const exports = symbols
    .filter(([, section]) => section !== 'UND' && section !== 'ABS')
    .map(([, , name]) => name.split('@')[0]);
  // Without a version: to be found wherever, at load or first use. Node-API's functions are node's, the rest is nobody's.
  const lost = symbols
    .filter(([text, section, name]) => section === 'UND' && text.startsWith('GLOBAL') && !name.includes('@'))
    .map(([, , name]) => name)
    .filter((name) => name !== '__tls_get_addr');
  const libraries = [...read('-d').matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
  const versions = [...read('-V').matchAll(/Name: GLIBC_(\d+)\.(\d+)/g)].map(([, ...parts]) => parts.map(Number));
  const newest = versions.sort((a, b) => a[0] - b[0] || a[1] - b[1]).at(-1);
  if (newest[0] > OLDEST_GLIBC[0] || newest[1] > OLDEST_GLIBC[1])
    throw new Error(`${path} needs glibc ${newest.join('.')}, not ${OLDEST_GLIBC.join('.')}`);
  return { exports, lost, libraries, oldest: `glibc ${newest.join('.')} or newer` };
}

function pe(path) {
  const text = execFileSync('objdump', ['-p', path], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (!/file format pei-x86-64/.test(text)) throw new Error(`${path} is no x64 DLL`);
  const names = text.split('[Ordinal/Name Pointer] Table')[1] ?? '';
  const exports = [...names.matchAll(/^\s*\[\s*\d+\](?: \+base\[\s*\d+\]\s+\w+)?\s+(\w+)$/gm)].map(([, name]) => name);
  const libraries = [...text.matchAll(/DLL Name: (.*)/g)].map(([, name]) => name.trim());
  return { exports, libraries: [...new Set(libraries.map((name) => name.toLowerCase()))] };
}
