/**
 * Whether a video's first and second half show the same person to us: `npm run bench:track:halves -- VIDEO...`.
 *
 * Mean distance of the faces' vertices after similarity and after rigid alignment, mm: of the identity's coefficients, and of
 * the medium head with its expression taken away.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as hrn from '../../lib/index.js';
import { identityShape, neutralShape, ShapeDistance } from './shape-agreement.js';

const { positionals: videos } = parseArgs({ allowPositionals: true });
if (videos.length === 0) throw new RangeError('expected videos, got none');
const reconstructor = await hrn.create({ device: 'cpu' });
try {
  for (const video of videos) {
    const start = performance.now();
    const [first, second] = (await inHalves(video)) as [hrn.ViewsReconstruction, hrn.ViewsReconstruction];
    const distance = new ShapeDistance(first.model);
    const between = (shape: (data: hrn.Reconstruction) => Float32Array, withScale: boolean) =>
      distance.between(shape(first), shape(second), withScale).toFixed(2);
    const cells = [
      `identity ${between(identityShape, true)} mm, rigid ${between(identityShape, false)} mm`,
      `medium without expression ${between(neutralShape, true)} mm, rigid ${between(neutralShape, false)} mm`,
      `mean head ${distance.between(first.model.mean, identityShape(second), true).toFixed(2)} mm`,
      `frames chosen ${first.views.length} and ${second.views.length}`,
      `${((performance.now() - start) / 1000).toFixed(1)} s`,
    ];
    process.stdout.write(`${path.basename(video)}: ${cells.join(', ')}\n`);
  }
} finally {
  await reconstructor.dispose();
}

/** Who each half shows. */
async function inHalves(video: string): Promise<hrn.ViewsReconstruction[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'hrn-bench-halves-'));
  try {
    const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-i', video, path.join(folder, '%06d.png')]);
    if (status !== 0) throw new Error(`ffmpeg: ${stderr}`);
    const frames = (await readdir(folder)).sort();
    const people: hrn.ViewsReconstruction[] = [];
    for (const half of [0, 1]) {
      const part = path.join(folder, `half-${half}`);
      await mkdir(part);
      const from = half * Math.floor(frames.length / 2);
      for (const name of frames.slice(from, from + Math.floor(frames.length / 2)))
        await rename(path.join(folder, name), path.join(part, name));
      for await (const { person } of reconstructor.track(path.join(part, '*.png'), { textureSize: 256 })) {
        people.push(person);
        break;
      }
    }
    return people;
  } finally {
    await rm(folder, { recursive: true });
  }
}
