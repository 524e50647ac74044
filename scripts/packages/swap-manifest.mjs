#!/usr/bin/env node
// Around `npm pack` and `npm publish` in the checkout: `published` puts the published package.json in place, `checkout`
// puts the checkout's back.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishedManifest, root } from './manifests.mjs';

const manifest = join(root, 'package.json');
const kept = join(root, 'npm', 'package.json.checkout');

if (process.argv[2] === 'published') {
  mkdirSync(join(root, 'npm'), { recursive: true });
  const text = readFileSync(manifest, 'utf8');
  // One that was left here by a run that was killed is the checkout's: what lies in its place is not.
  if (!existsSync(kept)) writeFileSync(kept, text);
  writeFileSync(manifest, `${JSON.stringify(publishedManifest(JSON.parse(readFileSync(kept, 'utf8'))), null, 2)}\n`);
} else {
  renameSync(kept, manifest);
}
