import { parentPort, workerData } from 'node:worker_threads';
import { Logger, NodeIO } from '@gltf-transform/core';
import { EXTMeshoptCompression, EXTTextureWebP, KHRMeshQuantization } from '@gltf-transform/extensions';
import { meshopt } from '@gltf-transform/functions';
import { MeshoptEncoder } from 'meshoptimizer/encoder';

await MeshoptEncoder.ready;
const io = new NodeIO()
  .setLogger(new Logger(Logger.Verbosity.ERROR))
  .registerExtensions([EXTMeshoptCompression, EXTTextureWebP, KHRMeshQuantization])
  .registerDependencies({ 'meshopt.encoder': MeshoptEncoder });
const document = await io.readBinary(workerData as Uint8Array);
document.setLogger(new Logger(Logger.Verbosity.ERROR));
// Sixteen bits for positions: a hundredth of a millimetre.
await document.transform(meshopt({ encoder: MeshoptEncoder, level: 'high', quantizePosition: 16 }));
parentPort?.postMessage(await io.writeBinary(document));
