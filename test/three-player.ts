/** three.js in a headless Chromium, to see an animated GLB as users see it. */
import { callInThree } from './three-page.js';

/** What three.js shows at one time of the animation. */
export interface PlayedFrame {
  /** From the chin to the tip of the nose, over its length at rest. */
  chinFromNose: number;
  /** Middle of the head in the camera's frame, m: x right, y up, z backwards. */
  head: [number, number, number];
  /** Where it was asked for. */
  png?: Buffer;
}

// Runs in the page, as text: these tests are compiled without the browser's types.
const PLAYER = `
import { AmbientLight, AnimationMixer, DirectionalLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

const renderer = new WebGLRenderer({ preserveDrawingBuffer: true });
renderer.setSize(240, 240);
document.body.append(renderer.domElement);

window.play = async (base64, times, drawn) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const { scene: head, animations } = await new GLTFLoader().parseAsync(bytes.buffer, '');
  const scene = new Scene();
  scene.add(head, new AmbientLight(0xffffff, 2), new DirectionalLight(0xffffff, 1));
  const mixer = new AnimationMixer(head);
  for (const clip of animations) mixer.clipAction(clip).play();
  let skin;
  head.traverse((node) => {
    const count = (one) => one.geometry.getAttribute('position').count;
    if (node.morphTargetDictionary?.jawOpen !== undefined && (!skin || count(node) > count(skin))) skin = node;
  });
  // The chin moves most with the jaw; of what stays, the nose is foremost.
  const moved = skin.geometry.morphAttributes.position[skin.morphTargetDictionary.jawOpen];
  const rest = skin.geometry.getAttribute('position');
  const length = (i) => Math.hypot(moved.getX(i), moved.getY(i), moved.getZ(i));
  let chin = 0, nose = -1;
  for (let i = 0; i < rest.count; i++) {
    if (length(i) > length(chin)) chin = i;
    if (length(i) < 1e-5 && (nose < 0 || rest.getZ(i) > rest.getZ(nose))) nose = i;
  }
  const atRest = new Vector3().fromBufferAttribute(rest, chin).distanceTo(new Vector3().fromBufferAttribute(rest, nose));
  const [a, b] = [new Vector3(), new Vector3()];
  return times.map((time) => {
    mixer.setTime(time);
    scene.updateMatrixWorld(true);
    skin.skeleton?.update();
    skin.getVertexPosition(chin, a);
    skin.getVertexPosition(nose, b);
    const apart = a.distanceTo(b) / atRest;
    const middle = skin.localToWorld(b.clone());
    const camera = new PerspectiveCamera(30, 1, 0.05, 20);
    camera.lookAt(middle);
    camera.fov = (2 * 180 / Math.PI) * Math.atan(0.16 / middle.length());
    camera.updateProjectionMatrix();
    // Software draws slowly.
    if (!drawn.includes(time)) return { chinFromNose: apart, head: middle.toArray() };
    renderer.render(scene, camera);
    return { chinFromNose: apart, head: middle.toArray(), png: renderer.domElement.toDataURL('image/png') };
  });
};`;

/** Plays a GLB's animations and tells what is seen at these times, seconds. Complaints of the browser are errors. */
export async function playInThree(
  glb: Uint8Array,
  timesSeconds: readonly number[],
  drawn: readonly number[],
): Promise<PlayedFrame[]> {
  const frames = await callInThree<(Omit<PlayedFrame, 'png'> & { png?: string })[]>(PLAYER, 'play', [
    Buffer.from(glb).toString('base64'),
    timesSeconds,
    drawn,
  ]);
  return frames.map(({ png, ...frame }) => ({
    ...frame,
    ...(png === undefined ? {} : { png: Buffer.from(png.split(',')[1]!, 'base64') }),
  }));
}
