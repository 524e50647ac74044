import type { Raster } from '../result-data.js';
import { type DetectOptions, detectFaces } from './detect.js';
import type { DetectedFace } from './detected-face.js';
import { exposureOf, raised } from './exposure.js';
import { frame } from './framing.js';
import type { FaceNetworks } from './networks.js';
import { Photo } from './photo.js';

/** As detectFaces(); a photo that is dark or grey all over, in which none is found, is looked at with its contrast raised. */
export async function findFaces(
  networks: FaceNetworks,
  photo: Photo,
  raster: Raster,
  options: DetectOptions,
): Promise<DetectedFace[]> {
  const faces = await detectFaces(networks, photo, options);
  if (faces.length > 0) return faces;
  const exposure = exposureOf(raster, { x: 0, y: 0, width: raster.width, height: raster.height });
  if (!exposure) return faces;
  const lit = new Photo(photo.context, await raised(raster, exposure));
  try {
    return await detectFaces(networks, lit, options);
  } finally {
    lit.dispose();
  }
}

/** Looks at a face in the photo, at a dark one in a copy of it that shows the face with the usual contrast. */
export async function inUsualLight<Face extends DetectedFace, Result>(
  networks: FaceNetworks,
  photo: Photo,
  raster: Raster,
  face: Face,
  signal: AbortSignal | undefined,
  look: (photo: Photo, face: Face) => Promise<Result>,
): Promise<Result> {
  const exposure = exposureOf(raster, face.box);
  if (!exposure) return look(photo, face);
  const lit = new Photo(photo.context, await raised(raster, exposure));
  try {
    const { region: framed, presenceLogit } = await frame(networks, lit, face.region, signal);
    const isBetter = presenceLogit >= face.presenceLogit;
    return await look(lit, { ...face, ...(isBetter ? { framed, presenceLogit } : {}), exposure });
  } finally {
    lit.dispose();
  }
}
