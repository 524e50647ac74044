/** Expressions of a GLB as three.js draws them in a headless Chromium. */
import { callInThree } from './three-page.js';

/** Side of a picture, pixels: software draws slowly. */
export const POSED_PX = 192;

// Runs in the page, as text: these tests are compiled without the browser's types.
const POSER = `
import { AmbientLight, Box3, DirectionalLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

window.pose = async (base64, expressions, side) => {
  const renderer = new WebGLRenderer({ preserveDrawingBuffer: true, antialias: true });
  renderer.setSize(side, side);
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const { scene: head } = await new GLTFLoader().parseAsync(bytes.buffer, '');
  const light = new DirectionalLight(0xffffff, 1);
  light.position.set(0.4, 0.6, 1);
  const scene = new Scene();
  scene.add(head, new AmbientLight(0xffffff, 2), light);
  const size = new Box3().setFromObject(head).getSize(new Vector3());
  // The head's origin lies between its eyes: a little below it is the middle of the face.
  const middle = new Vector3(0, -0.16 * size.y, 0);
  const camera = new PerspectiveCamera(20, 1, 0.05, 20);
  camera.position.set(0, middle.y, (0.36 * size.y) / Math.tan((10 * Math.PI) / 180));
  camera.lookAt(middle);
  const reached = [];
  const pictures = expressions.map((weights) => {
    let count = 0;
    head.traverse((node) => {
      const names = node.morphTargetDictionary;
      if (!names) return;
      node.morphTargetInfluences.fill(0);
      for (const [name, weight] of Object.entries(weights)) {
        if (names[name] === undefined) continue;
        node.morphTargetInfluences[names[name]] = weight;
        count++;
      }
    });
    reached.push(count);
    scene.updateMatrixWorld(true);
    renderer.render(scene, camera);
    return renderer.domElement.toDataURL('image/png');
  });
  return { pictures, reached };
};`;

/**
 * A PNG of the face for each set of weights; what is not named is 0.
 *
 * @throws Error where the browser complains or no mesh has one of the expressions
 */
export async function poseInThree(
  glb: Uint8Array,
  expressions: readonly Readonly<Record<string, number>>[],
): Promise<Buffer[]> {
  const { pictures, reached } = await callInThree<{ pictures: string[]; reached: number[] }>(POSER, 'pose', [
    Buffer.from(glb).toString('base64'),
    expressions,
    POSED_PX,
  ]);
  const lost = expressions.findIndex((weights, i) => reached[i]! < Object.keys(weights).length);
  if (lost >= 0) throw new Error(`no mesh has ${Object.keys(expressions[lost]!).join(', ')}`);
  return pictures.map((url) => Buffer.from(url.split(',')[1]!, 'base64'));
}
