import { availableParallelism } from 'node:os';
import * as hrn from 'hrn-face';

// Loads networks and head model once; fits may overlap and share the threads.
await using own = await hrn.create({ device: 'auto', threads: availableParallelism() });
const [first, second] = await Promise.all([
  own.fit('portrait.jpg', { detail: 'coarse' }),
  own.fit('portrait.jpg', { detail: 'coarse', textureSize: 256 }),
]);
console.log(own.device, first.texture.width, second.texture.width);
