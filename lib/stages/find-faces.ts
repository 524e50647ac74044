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

/** The photo as a dark face is to be seen in it, and that face there; undefined where the face has light enough. */
export async function litFace<Face extends DetectedFace>(
  networks: FaceNetworks,
  photo: Photo,
  raster: Raster,
  face: Face,
  signal: AbortSignal | undefined,
): Promise<{ photo: Photo; face: Face } | undefined> {
  const exposure = exposureOf(raster, face.box);
  if (!exposure) return undefined;
  const lit = new Photo(photo.context, await raised(raster, exposure));
  try {
    const { region: framed, presenceLogit } = await frame(networks, lit, face.region, signal);
    const isBetter = presenceLogit >= face.presenceLogit;
    return { photo: lit, face: { ...face, ...(isBetter ? { framed, presenceLogit } : {}), exposure } };
  } catch (error) {
    lit.dispose();
    throw error;
  }
}
