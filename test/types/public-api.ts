// Compiled by public-types.test.ts against the declarations that are shipped, as a strict program would use them.
import * as hrn from 'hrn-face';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Equal<A, B>): void => {};

export async function use(signal: AbortSignal): Promise<void> {
  const raw: hrn.RawImage = { data: new Float32Array(12), width: 2, height: 2, channels: 3 };
  const images: hrn.ImageInput[] = ['photo.jpg', new URL('file:///photo.jpg'), Buffer.alloc(1), new Uint8Array(1), raw];
  const options: hrn.FitOptions = {
    detail: 'coarse',
    face: 'largest',
    focalLengthPx: 900,
    textureSize: 1024,
    minFacePx: 50,
    maxPixels: 1e6,
    maxSide: 4096,
    signal,
    onProgress: ({ stage, done, total, fraction }) => {
      same<typeof stage, hrn.Stage>(true);
      same<[typeof done, typeof total, typeof fraction], [number, number, number]>(true);
    },
  };
  // An explicit undefined means the default, also where exactOptionalPropertyTypes would forbid it.
  const defaults: hrn.FitOptions = { detail: undefined, face: undefined, signal: undefined, onProgress: undefined };

  const face = await hrn.fit(images[0]!, options);
  const faces = await hrn.fitAll(raw, defaults);
  const [box] = await hrn.detect('photo.jpg', { signal });
  same<typeof face, hrn.Reconstruction>(true);
  same<typeof faces, hrn.FittedFaces>(true);
  const list: hrn.Reconstruction[] = faces;
  const missing: hrn.FaceFailure | undefined = faces.failures[0];
  void [list, missing];
  same<typeof box, hrn.FaceBox | undefined>(true);

  const { positions, normals, uvs, indices, parts } = face.mesh;
  const arrays: [Float32Array, Float32Array, Float32Array, Uint32Array] = [positions, normals, uvs, indices];
  const names: hrn.PartName[] = parts.map(({ name }) => name);
  const smile: number = face.coefficients.expression.mouthSmileLeft;
  // @ts-expect-error: misspelt
  const misspelt: number = face.coefficients.expression.mouthSmile;
  void misspelt;
  const coefficients: Float32Array[] = [
    face.coefficients.identity,
    face.coefficients.albedo,
    face.coefficients.lighting,
  ];
  const projection: number[] = face.camera.projection;
  const landmarks: Float32Array[] = [face.landmarks.positions, face.landmarks.pixels];
  const coarse: Float32Array = face.levels.coarse;
  const medium: Float32Array | undefined = face.levels.medium;
  const map: hrn.DeformationMap | undefined = face.deformationMap;
  const texture: hrn.Raster = face.texture;
  const quality: number[] = [
    face.quality.landmarkErrorPx,
    face.quality.landmarkErrorPercent,
    face.quality.photometricError,
  ];
  const timings: Record<string, number> = face.timingsMs;
  void [arrays, names, smile, coefficients, projection, landmarks, coarse, medium, map, texture, quality, timings];
  await face.write('x.glb');
  await face.preview('x.png');

  for (const device of ['auto', 'cpu', 'cuda', 'cuda:1'] as const) {
    await using own = await hrn.create({ device, threads: 2, models: './models' });
    same<ReturnType<typeof own.fit>, Promise<hrn.Reconstruction>>(true);
    same<ReturnType<typeof own.fitAll>, Promise<hrn.FittedFaces>>(true);
    same<ReturnType<typeof own.detect>, Promise<hrn.FaceBox[]>>(true);
    same<ReturnType<typeof own.dispose>, Promise<void>>(true);
  }

  try {
    await hrn.fit('photo.jpg');
  } catch (error) {
    if (error instanceof hrn.HrnError) {
      same<typeof error.code, hrn.HrnErrorCode>(true);
      if (error.code === 'NO_FACE') return;
      // @ts-expect-error: not one of the codes
      if (error.code === 'NO_FACES') return;
    }
  }

  // @ts-expect-error: a number is not an image
  await hrn.fit(5);
  // @ts-expect-error: raw pixels need their shape
  await hrn.fit({ data: new Uint8Array(12) });
  // @ts-expect-error: no such level
  await hrn.fit('photo.jpg', { detail: 'fine' });
  // @ts-expect-error: misspelt
  await hrn.fit('photo.jpg', { textursize: 512 });
  // @ts-expect-error: no such device
  await hrn.create({ device: 'gpu' });
  // @ts-expect-error: made by fit() only
  face.mesh = faces[0]!.mesh;
}
