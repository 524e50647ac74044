import type { Hair, ReconstructionData } from '../result-data.js';
import { inArkitOrder } from './arkit.js';
import type { Exporter } from './exporter.js';
import { eyeColours } from './eye-colours.js';
import { encodeInThread } from './glb-thread.js';
import type { HeadMotion } from './motion.js';
import { chosenTargets, type ResolvedExportOptions } from './options.js';
import { encodeTexture } from './texture.js';

/**
 * Binary glTF 2.0: one mesh with a primitive and a material per part, the texture inside, in metres.
 *
 * The base shape is the person with a neutral face. The model's expressions are morph targets (their names in
 * `mesh.extras.targetNames`, which is where viewers and Blender look) and the mesh's default weights are the fitted
 * expression: shown as it is, the file looks like the photo; with all weights at zero it is neutral. Neck, skull, jaw
 * and eyes are joints of a skin, at rest as fitted. At `detail: 'high'` the skin has a normal map, which moves with the
 * expressions, and tangents.
 */
export const glb: Exporter = {
  extension: '.glb',
  description: 'binary glTF 2.0 with texture, morph targets and a small skeleton, in metres',

  encode: async (result, path, options) => [{ path, bytes: await encodeHead(result, options) }],
};

/** The same with what the head does over time: keys for the morph targets' weights, and for where the head is. */
export function encodeMovingGlb(
  result: ReconstructionData,
  motion: HeadMotion,
  options: ResolvedExportOptions,
): Promise<Uint8Array> {
  return encodeHead(result, options, motion);
}

async function encodeHead(
  result: ReconstructionData,
  options: ResolvedExportOptions,
  motion?: HeadMotion,
): Promise<Uint8Array> {
  const { mesh, model, coefficients, scale, levels, displacementMap, hair } = result;
  const { names } = model.expression;
  const chosen = chosenTargets(options.targets, names);
  return encodeInThread(
    {
      head: {
        mesh,
        model,
        coefficients: { expression: coefficients.expression, fittedExpression: coefficients.fittedExpression },
        scaleSource: scale.source,
        displacementMap: levels.high && displacementMap && { data: displacementMap.data, size: displacementMap.size },
        eyeColours: eyeColours(result),
        hair: hair && (await hairOf(hair, options)),
      },
      options,
      targets: options.targets === 'arkit' ? inArkitOrder(names) : chosen,
      motion,
    },
    // In threads of the image library.
    encodeTexture(result.texture, options.textureFormat),
  );
}

async function hairOf({ texture, positions, normals, uvs, indices }: Hair, options: ResolvedExportOptions) {
  return { positions, normals, uvs, indices, image: await encodeTexture(texture, options.textureFormat) };
}
