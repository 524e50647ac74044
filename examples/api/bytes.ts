import { readFile } from 'node:fs/promises';
import * as hrn from 'hrn-face';

// An upload in, bytes out: nothing touches the disk.
const upload = await readFile('portrait.jpg');
const [box] = await hrn.detect(upload);
if (!box) throw new Error('nobody there');
const face = await hrn.fit(upload, { detail: 'coarse' });
const glb = await face.encode('glb', { compression: 'meshopt' });
console.log(Math.round(box.width), 'px wide,', glb.length, 'bytes');
