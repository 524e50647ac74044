import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface SourceFile {
  /** From the folder scanned, with /. */
  path: string;
  text: string;
}

async function sources(folder: string, extensions: RegExp): Promise<SourceFile[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && extensions.test(entry.name));
  return Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: relative(join(root, folder), path), text: await readFile(path, 'utf8') };
    }),
  );
}

describe('native includes', () => {
  const UNDER_FIT = ['core', 'ops', 'losses', 'optim', 'imaging', 'inference', 'backends/backend.hpp'];
  const STAGES = [
    ...['fit/head', 'fit/outline', 'fit/dense', 'fit/landmarks'],
    ...['fit/parameters', 'fit/deformation', 'fit/detail', 'fit/texture', 'fit/hair'],
  ];
  /** Room by room, what may be included besides the room itself. */
  const MAY_INCLUDE: Record<string, readonly string[]> = {
    core: [],
    ops: ['core'],
    losses: ['core', 'ops'],
    optim: ['core'],
    imaging: ['core', 'ops'],
    inference: ['core'],
    // Its verbs take the plain argument structs of the ops.
    'backends/backend.hpp': ['core', 'ops'],
    'backends/cpu': ['core', 'ops', 'losses', 'optim', 'backends/backend.hpp'],
    'backends/cuda': ['core', 'ops', 'losses', 'optim', 'backends/backend.hpp'],
    // A fit has a room a stage.
    'fit/head': UNDER_FIT,
    'fit/outline': [...UNDER_FIT, 'fit/head'],
    'fit/dense': [...UNDER_FIT, 'fit/head'],
    'fit/landmarks': [...UNDER_FIT, 'fit/head', 'fit/outline'],
    'fit/parameters': [...UNDER_FIT, 'fit/head', 'fit/outline', 'fit/dense', 'fit/landmarks'],
    'fit/deformation': [...UNDER_FIT, 'fit/head', 'fit/outline', 'fit/landmarks', 'fit/parameters'],
    'fit/detail': [...UNDER_FIT, 'fit/head', 'fit/parameters'],
    'fit/texture': [...UNDER_FIT, ...STAGES.filter((stage) => stage !== 'fit/texture' && stage !== 'fit/hair')],
    'fit/hair': [...UNDER_FIT, 'fit/head'],
    // Several views share one fit of every stage.
    'fit/views': [...UNDER_FIT, ...STAGES],
    // The reference's own loop stands apart: the same ops and losses, none of the stages.
    'fit/reference': UNDER_FIT,
    fit: [...UNDER_FIT, ...STAGES, 'fit/views', 'fit/reference'],
    render: ['core', 'ops'],
    // Of a fitted head: what files hold besides its shape.
    rig: ['core'],
    binding: [
      ...UNDER_FIT,
      ...STAGES,
      'fit/views',
      'fit/reference',
      'fit',
      'render',
      'rig',
      'backends/cpu',
      'backends/cuda',
    ],
  };
  /** Headers of others that one room alone may use. */
  const OWNER: readonly [RegExp, string][] = [
    [/^(napi|node_api|js_native_api)\.h$/, 'binding'],
    [/^onnxruntime/, 'inference'],
  ];
  const roomOf = (path: string) => {
    const [first, second, third] = path.split('/');
    const inner = first === 'backends' || (first === 'fit' && third !== undefined);
    return inner ? `${first}/${second}` : first!;
  };

  let files: SourceFile[];
  beforeAll(async () => {
    files = await sources('native', /\.(hpp|cpp|h|cu|cuh)$/);
  });

  const brokenArrows = (of: readonly SourceFile[]) => {
    const broken: string[] = [];
    for (const { path, text } of of) {
      const room = roomOf(path);
      for (const [, included] of text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
        const target = roomOf(included!);
        // A fit is a template over backends; its .cpp, .cu and .cuh instantiate it for those that exist.
        const instantiates =
          /^(fit|render)\b/.test(room) && /\.(cpp|cuh?)$/.test(path) && target.startsWith('backends/');
        const allowed = target === room || instantiates || (MAY_INCLUDE[room] ?? []).includes(target);
        if (!allowed) broken.push(`${path} includes ${included}`);
      }
      for (const [, included] of text.matchAll(/^\s*#\s*include\s+<([^>]+)>/gm)) {
        const owner = OWNER.find(([pattern]) => pattern.test(included!))?.[1];
        if (owner && owner !== room) broken.push(`${path} includes <${included}>, which only ${owner} may`);
        // What a .cpp includes must compile where there is no CUDA toolkit.
        const cuda = /^(cuda|cub\/|cooperative_groups)/.test(included!);
        if (cuda && room !== 'backends/cuda')
          broken.push(`${path} includes <${included}>, which only backends/cuda may`);
        if (cuda && path.endsWith('.cpp')) broken.push(`${path} includes <${included}>, which only .cu files may`);
      }
    }
    return broken;
  };

  it('follow the arrows', () => {
    expect(brokenArrows(files)).toEqual([]);
  });

  it('are found out where they go against an arrow', () => {
    const against: readonly [path: string, included: string][] = [
      ['fit/outline/silhouette_term.hpp', 'fit/landmarks/problem.hpp'],
      ['fit/landmarks/problem.hpp', 'fit/deformation/deformation.hpp'],
      ['fit/head/model.hpp', 'fit/context.hpp'],
      ['fit/texture/bake.hpp', 'backends/cpu/cpu_backend.hpp'],
      ['render/render.cpp', 'fit/head/model.hpp'],
      ['core/vec.hpp', 'ops/shade.hpp'],
    ];
    const made = against.map(([path, included]) => ({ path, text: `#include "${included}"\n` }));
    expect(brokenArrows(made)).toEqual(against.map(([path, included]) => `${path} includes ${included}`));
  });

  it('may go one way only', () => {
    const order = Object.keys(MAY_INCLUDE);
    const upward = order.flatMap((room, at) => MAY_INCLUDE[room]!.filter((below) => order.indexOf(below) >= at));
    expect(upward).toEqual([]);
  });

  it('name every room', () => {
    const rooms = new Set(files.map(({ path }) => roomOf(path)));
    expect([...rooms].filter((room) => !(room in MAY_INCLUDE))).toEqual([]);
  });

  it('are relative to native/', () => {
    const paths = new Set(files.map(({ path }) => path));
    const broken = files.flatMap(({ path, text }) =>
      [...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)]
        .filter(([, included]) => !paths.has(included!))
        .map((match) => `${path}: ${match[1]}`),
    );
    expect(broken).toEqual([]);
  });
});

describe('TypeScript imports', () => {
  /** What must never be reached from where, directly or through other files; types do not count. */
  const FORBIDDEN: readonly [from: RegExp, to: RegExp, why: string][] = [
    [/^(?!cli\/)/, /^cli\//, 'the library does not know its command line'],
    [/^(importers|exporters)\//, /^native\//, 'formats read and write plain data'],
    [/^(?!(cli|serve|queue|workers)\/|index\.ts)/, /^index\.ts$/, 'index.ts only exports'],
    [/^(?!(cli|serve|queue|workers)\/)/, /^(serve|queue|workers)\//, 'the library does not know its services'],
    [/^(serve|workers)\//, /^queue\//, 'a service knows nothing of the queue'],
    [/^(queue|workers)\//, /^serve\//, 'the queue knows nothing of HTTP'],
    [/^stages\//, /^(hrn|fit|index)\.ts$/, 'a stage does not know the order of the stages'],
    [/^(native|image|models)\//, /^(stages\/|exporters\/|hrn\.ts|fit\.ts)/, 'the lower floor does not know the upper'],
    [/^(errors|options|progress|image)\.ts$/, /^(native|stages|models)\//, 'checks come before anything native'],
  ];

  let files: SourceFile[];
  /** From a file to those that it imports, without and with those of which it imports types alone. */
  let imports: Map<string, string[]>;
  let withTypes: Map<string, string[]>;
  beforeAll(async () => {
    files = await sources('lib', /\.ts$/);
    const among = (patterns: readonly RegExp[]) =>
      new Map(
        files.map(({ path, text }) => {
          const specifiers = patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!));
          return [path, specifiers.map((to) => normalize(join(dirname(path), to)).replace(/\.js$/, '.ts'))];
        }),
      );
    const bare = /^import\s+'(\.[^']+)'/gm;
    imports = among([
      /^(?:import|export)\s+(?!type\b)[^;]*?\bfrom\s+'(\.[^']+)'/gm,
      /\bimport\('(\.[^']+)'\)(?!\.)/g,
      bare,
    ]);
    withTypes = among([/^(?:import|export)\s[^;]*?\bfrom\s+'(\.[^']+)'/gm, /\bimport\('(\.[^']+)'\)/g, bare]);
  });

  /** What a file reaches, each with the shortest way there. */
  const reachable = (from: string, graph: ReadonlyMap<string, readonly string[]> = imports) => {
    const seen = new Map<string, string[]>();
    const queue: string[][] = [[from]];
    for (let path = queue.shift(); path; path = queue.shift()) {
      for (const next of graph.get(path.at(-1)!) ?? []) {
        if (seen.has(next)) continue;
        seen.set(next, [...path, next]);
        queue.push([...path, next]);
      }
    }
    return seen;
  };
  const circles = (graph: ReadonlyMap<string, readonly string[]>) =>
    [...graph.keys()].flatMap((from) => reachable(from, graph).get(from)?.join(' -> ') ?? []);

  it('name files that exist', () => {
    const missing = [...withTypes].flatMap(([from, to]) =>
      to.filter((path) => !imports.has(path)).map((path) => `${from}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('follow the arrows', () => {
    const broken: string[] = [];
    for (const from of imports.keys()) {
      for (const [to, way] of reachable(from)) {
        for (const [source, target, why] of FORBIDDEN) {
          if (source.test(from) && target.test(to)) broken.push(`${way.join(' -> ')}: ${why}`);
        }
      }
    }
    expect(broken).toEqual([]);
  });

  it('go round in no circle, types included', () => {
    expect(circles(withTypes)).toEqual([]);
    expect(
      circles(
        new Map([
          ['a.ts', ['b.ts']],
          ['b.ts', ['a.ts']],
        ]),
      ),
    ).toHaveLength(2);
  });

  it('of services reach the library only through its public face', () => {
    const broken: string[] = [];
    for (const [from, targets] of imports) {
      if (!/^(serve|queue|workers)\//.test(from)) continue;
      broken.push(
        ...targets.filter((to) => !/^((serve|queue|workers)\/|index\.ts$)/.test(to)).map((to) => `${from}: ${to}`),
      );
    }
    expect(broken).toEqual([]);
  });

  it('take the packages of services where they are used, and on use', () => {
    const owners: readonly [RegExp, RegExp][] = [
      [/'(fastify|@fastify\/[^']+)'/, /^serve\//],
      [/'prom-client'/, /^(serve|queue)\//],
      [/'(bullmq|ioredis|@aws-sdk\/[^']+)'/, /^queue\//],
      [/'three(\/[^']*)?'/, /^(?!)/],
    ];
    const broken = files.flatMap(({ path, text }) => {
      const code = text.replace(/^(import|export) type [^;]*;/gm, '');
      const strangers = owners.filter(([name, room]) => name.test(code) && !room.test(path));
      const eager = owners.filter(([name]) => new RegExp(`^(import|export) [^;]*from ${name.source}`, 'm').test(code));
      return [...strangers, ...eager].map(([name]) => `${path}: ${name.source}`);
    });
    expect(broken).toEqual([]);
  });

  it('reach the addon only through native/load.ts', () => {
    const users = files.filter(({ text }) => /node-gyp-build|hrn\.node/.test(text)).map(({ path }) => path);
    expect(users).toEqual(['native/load.ts']);
  });
});

describe('every source file', () => {
  it('is at most 450 lines, 400 being the aim', async () => {
    const all = await Promise.all([
      sources('lib', /\.ts$/),
      sources('viewer', /\.(ts|css|html)$/),
      sources('native', /\.(hpp|cpp|cu|cuh)$/),
      sources('test', /\.(ts|cpp|hpp|cu|cuh)$/),
      sources('scripts', /\.(mjs|sh)$/),
    ]);
    const long = all
      .flat()
      .filter(({ text }) => text.split('\n').length > 451)
      .map(({ path }) => path);
    expect(long).toEqual([]);
  });

  it('names no path of a machine and no registry host', async () => {
    const all = await Promise.all([
      sources('lib', /./),
      sources('viewer', /./),
      sources('native', /./),
      sources('test', /\.(ts|cpp|hpp)$/),
      sources('scripts', /./),
    ]);
    // Written in parts, so that this file does not name them itself.
    const pattern = new RegExp(['/wo' + 'rk/', '/ro' + 'ot/', 'registry\\.npm' + 'js'].join('|'));
    expect(
      all
        .flat()
        .filter(({ text }) => pattern.test(text))
        .map(({ path }) => path),
    ).toEqual([]);
  });
});
