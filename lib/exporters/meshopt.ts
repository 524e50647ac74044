import { Logger, NodeIO } from '@gltf-transform/core';
import { EXTMeshoptCompression, EXTTextureWebP, KHRMeshQuantization } from '@gltf-transform/extensions';
import { meshopt } from '@gltf-transform/functions';
import { MeshoptEncoder } from 'meshoptimizer/encoder';

/** A GLB with its meshes in EXT_meshopt_compression; takes a second of arithmetic. */
export async function compressMeshes(bytes: Uint8Array): Promise<Uint8Array> {
  await MeshoptEncoder.ready;
  const logger = new Logger(Logger.Verbosity.ERROR);
  const io = new NodeIO()
    .setLogger(logger)
    .registerExtensions([EXTMeshoptCompression, EXTTextureWebP, KHRMeshQuantization])
    .registerDependencies({ 'meshopt.encoder': MeshoptEncoder });
  const document = await io.readBinary(bytes);
  document.setLogger(logger);
  // Sixteen bits for positions: a hundredth of a millimetre.
  await document.transform(meshopt({ encoder: MeshoptEncoder, level: 'high', quantizePosition: 16 }));
  return io.writeBinary(document);
}
