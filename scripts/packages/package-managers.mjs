// How each package manager installs a package and runs what came with it. TOOLS in a command stands for the folder that
// they were installed into.

/** What `npm install` fetches them by. */
export const TOOLS = [
  '@pnpm/exe.linux-x64@12.21.0',
  'yarn@1.22.22',
  '@yarnpkg/cli-dist@4.18.1',
  '@oven/bun-linux-x64@1.4.5',
];

const YARN_1 = ['node', 'TOOLS/yarn/bin/yarn.js'];
const YARN_4 = ['node', 'TOOLS/@yarnpkg/cli-dist/bin/yarn.js'];
const PNPM = ['TOOLS/@pnpm/exe.linux-x64/pnpm'];
const BUN = ['TOOLS/@oven/bun-linux-x64/bin/bun'];

const yarn4 = (linker, installed) => ({
  name: `yarn 4 ${linker}`,
  // A lock file that is not written would be an error in CI. Archives are kept for all projects, as by default: in the
  // folder of this one lies what has to be unpacked.
  files: (url) => ({
    '.yarnrc.yml': [
      `nodeLinker: ${linker}`,
      `npmRegistryServer: "${url}"`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      'enableImmutableInstalls: false',
      'enableTelemetry: false',
      '',
    ].join('\n'),
    'yarn.lock': '',
  }),
  add: [...YARN_4, 'add', 'hrn-face'],
  run: [...YARN_4, 'run'],
  node: [...YARN_4, 'node'],
  installed,
});

/**
 * files, env: what makes it use the registry at `url`
 * add, run, node: installs hrn-face; runs a command of a package; runs a program
 * installed: folders whose sizes count
 */
export const managers = [
  {
    name: 'npm',
    env: (url) => ({ npm_config_registry: url, npm_config_update_notifier: 'false' }),
    add: ['npm', 'install', '--no-audit', '--no-fund', 'hrn-face'],
    run: ['npx', '--no-install'],
    node: ['node'],
  },
  {
    name: 'pnpm',
    env: (url, home) => ({ npm_config_registry: url, npm_config_store_dir: `${home}/store` }),
    files: (url) => ({ '.npmrc': `registry=${url}/\n` }),
    add: [...PNPM, 'add', 'hrn-face'],
    run: [...PNPM, 'exec'],
    node: ['node'],
  },
  {
    name: 'yarn 1',
    files: (url) => ({ '.yarnrc': `registry "${url}"\nyarn-offline-mirror false\n` }),
    env: (url) => ({ npm_config_registry: url }),
    add: [...YARN_1, 'add', '--no-progress', 'hrn-face'],
    run: [...YARN_1, '--silent', 'run'],
    node: ['node'],
  },
  yarn4('node-modules'),
  yarn4('pnp', ['.yarn']),
  {
    name: 'bun',
    files: (url) => ({ 'bunfig.toml': `[install]\nregistry = "${url}"\n` }),
    add: [...BUN, 'add', 'hrn-face'],
    run: [...BUN, 'run'],
    node: ['node'],
  },
];
