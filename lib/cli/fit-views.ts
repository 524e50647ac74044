import { basename } from 'node:path';
import type { OutputFile } from '../atomic-write.js';
import type { Hrn } from '../hrn.js';
import type { FitViewsOptions } from '../options.js';
import type { ViewsReconstruction } from '../views/result.js';
import type { CliImage } from './inputs.js';
import type { Reporter } from './reporter.js';

/** All images as photos of one person. */
export async function fitOnePerson(
  hrn: Hrn,
  images: readonly CliImage[],
  options: FitViewsOptions,
  reporter: Reporter,
): Promise<ViewsReconstruction> {
  reporter.begin(basename(images[0]!.name), `${images.length} views`);
  const face = await hrn.fitViews(
    images.map(({ source }) => source),
    {
      ...options,
      onProgress: ({ stage, fraction }) => reporter.progress(stage, fraction),
    },
  );
  for (const { index, code, message } of face.leftOut)
    reporter.warn(`hrn: ${images[index]?.name}: left out: ${code}: ${message}`);
  return face;
}

/** A preview for every view: NAME_view_N_preview.png, N being the number of its image. */
export async function encodeViewPreviews(
  face: ViewsReconstruction,
  stem: string,
  signal: AbortSignal,
): Promise<OutputFile[]> {
  const { renderPreview } = await import('../preview.js');
  const files: OutputFile[] = [];
  for (const [i, { index }] of face.views.entries()) {
    const bytes = await renderPreview(await face.withView(i), signal);
    files.push({ path: `${stem}_view_${index}_preview.png`, bytes });
  }
  return files;
}
