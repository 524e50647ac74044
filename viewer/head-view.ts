import {
  Box3,
  DirectionalLight,
  DoubleSide,
  type Group,
  HemisphereLight,
  type Material,
  Matrix4,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  type Object3D,
  PerspectiveCamera,
  Scene,
  type Texture,
  Vector3,
  WebGLRenderer,
} from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
import { PLYLoader } from 'three/addons/loaders/PLYLoader.js';

export type Mode = 'textured' | 'clay' | 'levels' | 'overlay';

/** What the head's JSON says about the camera that took the photo; see docs/json.md. */
export interface PhotoCamera {
  input: { width: number; height: number };
  face: { box: { x: number; y: number; width: number; height: number } };
  camera: { focalLengthPx: number; principalPointPx: [number, number] };
  pose: { rotation: number[]; translation: [number, number, number] };
}

/** A square of the photo, pixels. */
export interface Crop {
  x: number;
  y: number;
  size: number;
}

const FIELD_OF_VIEW = 25;
const CLAY = 0xb9b2a9;
const TURN_STEP = Math.PI / 24;

/** The square around the face that the overlay shows. */
export function cropOf({ face: { box } }: PhotoCamera): Crop {
  const size = 1.9 * Math.max(box.width, box.height);
  return { x: box.x + box.width / 2 - size / 2, y: box.y + box.height / 2 - 0.55 * size, size };
}

/**
 * The head in three.js: one canvas that draws it textured, as clay, its levels side by side, or as the camera of the photo
 * saw it. Draws only when something changed.
 */
export class HeadView {
  readonly #canvas: HTMLCanvasElement;
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 10);
  readonly #photoCamera = new PerspectiveCamera();
  readonly #controls: OrbitControls;
  readonly #key = new DirectionalLight(0xffffff, 3);
  readonly #clay = new MeshStandardMaterial({ color: CLAY, roughness: 0.75, side: DoubleSide });
  #head: Group | undefined;
  #meshes: Mesh[] = [];
  /** As the photo shows it: its light is in the texture. */
  #unlit = new Map<Mesh, MeshBasicMaterial>();
  #lit = new Map<Mesh, MeshStandardMaterial>();
  #levels: [name: string, object: Object3D][] = [];
  #photo: PhotoCamera | undefined;
  #mode: Mode = 'textured';
  #ownLight = false;
  #wireframe = false;
  #pending = false;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.#scene.add(new HemisphereLight(0xffffff, 0x8a8580, 1.1), this.#key, this.#key.target, this.#camera);
    this.#controls = new OrbitControls(this.#camera, canvas);
    this.#controls.enablePan = false;
    this.#controls.addEventListener('change', () => this.#draw());
    canvas.addEventListener('keydown', (event) => this.#onKey(event));
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  /** Shows a head from the bytes of its GLB; the one shown before is freed. */
  async load(glb: ArrayBuffer): Promise<void> {
    const { scene } = await new GLTFLoader().parseAsync(glb, '');
    this.#clear();
    this.#head = scene;
    scene.traverse((object) => {
      if (!isMesh(object)) return;
      const lit = object.material as MeshStandardMaterial;
      this.#meshes.push(object);
      this.#lit.set(object, lit);
      this.#unlit.set(object, new MeshBasicMaterial({ map: lit.map, side: lit.side, toneMapped: false }));
    });
    this.#scene.add(scene);
    this.look(-0.35, 0.05);
    this.#update();
  }

  /** PLY files of the levels by name, from coarse to fine; drawn when `levels` is shown. */
  setLevels(files: ReadonlyMap<string, ArrayBuffer>): void {
    for (const [name, bytes] of files) {
      const geometry = new PLYLoader().parse(bytes);
      geometry.scale(0.001, 0.001, 0.001);
      this.#levels.push([name, new Mesh(geometry, this.#clay)]);
    }
    for (const [, object] of this.#levels) this.#scene.add(object);
    this.#update();
  }

  set photo(photo: PhotoCamera | undefined) {
    this.#photo = photo;
    this.#draw();
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    this.#controls.enabled = mode !== 'overlay';
    this.#update();
  }

  set ownLight(on: boolean) {
    this.#ownLight = on;
    this.#update();
  }

  set wireframe(on: boolean) {
    this.#wireframe = on;
    this.#update();
  }

  /** Names and values of the shapes, in the file's order. */
  get shapes(): [name: string, weight: number][] {
    const mesh = this.#meshes[0];
    if (!mesh?.morphTargetDictionary) return [];
    const weights = mesh.morphTargetInfluences ?? [];
    return Object.entries(mesh.morphTargetDictionary).map(([name, i]) => [name, weights[i] ?? 0]);
  }

  setShape(name: string, weight: number): void {
    for (const { morphTargetDictionary: names, morphTargetInfluences: weights } of this.#meshes) {
      const i = names?.[name];
      if (i !== undefined && weights) weights[i] = weight;
    }
    this.#draw();
  }

  /** Where the light of one's own comes from, degrees: positive is from the viewer's right and from above. */
  setLight(azimuth: number, elevation: number): void {
    const [a, e] = [(azimuth * Math.PI) / 180, (elevation * Math.PI) / 180];
    // It hangs on the camera, so that turning the head does not turn the light away.
    this.#camera.add(this.#key);
    this.#key.position.set(2 * Math.sin(a) * Math.cos(e), 2 * Math.sin(e), 2 * Math.cos(a) * Math.cos(e));
    this.#draw();
  }

  /** From where: radians around the head and above it. */
  look(azimuth: number, elevation: number): void {
    if (!this.#head) return;
    const box = new Box3().setFromObject(this.#head);
    const centre = box.getCenter(new Vector3());
    const height = box.max.y - box.min.y;
    const distance = (0.56 * height) / Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const direction = new Vector3(
      Math.sin(azimuth) * Math.cos(elevation),
      Math.sin(elevation),
      Math.cos(azimuth) * Math.cos(elevation),
    );
    this.#controls.target.copy(centre);
    this.#controls.minDistance = 0.4 * distance;
    this.#controls.maxDistance = 3 * distance;
    this.#camera.position.copy(centre).addScaledVector(direction, distance);
    this.#controls.update();
    this.#draw();
  }

  #onKey(event: KeyboardEvent): void {
    const steps: Record<string, () => void> = {
      ArrowLeft: () => this.#turn(-TURN_STEP, 0),
      ArrowRight: () => this.#turn(TURN_STEP, 0),
      ArrowUp: () => this.#turn(0, TURN_STEP),
      ArrowDown: () => this.#turn(0, -TURN_STEP),
      '+': () => this.#zoom(0.9),
      '=': () => this.#zoom(0.9),
      '-': () => this.#zoom(1 / 0.9),
      '0': () => this.look(0, 0),
      Home: () => this.look(0, 0),
    };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || this.#mode === 'overlay') return;
    event.preventDefault();
    step();
  }

  #turn(azimuth: number, elevation: number): void {
    const { target } = this.#controls;
    const offset = this.#camera.position.clone().sub(target);
    const length = offset.length();
    const up = Math.asin(offset.y / length) + elevation;
    const around = Math.atan2(offset.x, offset.z) + azimuth;
    const limited = Math.max(-1.5, Math.min(1.5, up));
    offset.set(Math.sin(around) * Math.cos(limited), Math.sin(limited), Math.cos(around) * Math.cos(limited));
    this.#camera.position.copy(target).addScaledVector(offset, length);
    this.#controls.update();
  }

  #zoom(factor: number): void {
    const { target, minDistance, maxDistance } = this.#controls;
    const offset = this.#camera.position.clone().sub(target);
    offset.setLength(Math.max(minDistance, Math.min(maxDistance, factor * offset.length())));
    this.#camera.position.copy(target).add(offset);
    this.#controls.update();
  }

  #clear(): void {
    for (const object of [this.#head, ...this.#levels.map(([, level]) => level)]) {
      if (!object) continue;
      this.#scene.remove(object);
      object.traverse((part) => {
        if (isMesh(part)) part.geometry.dispose();
      });
    }
    const textures = new Set<Texture>();
    for (const materials of [this.#lit.values(), this.#unlit.values()]) {
      for (const material of materials) {
        if (material.map) textures.add(material.map);
        material.dispose();
      }
    }
    for (const texture of textures) texture.dispose();
    this.#meshes = [];
    this.#levels = [];
    this.#lit.clear();
    this.#unlit.clear();
    this.#photo = undefined;
  }

  #update(): void {
    const levels = this.#mode === 'levels' && this.#levels.length > 0;
    if (this.#head) this.#head.visible = !levels;
    for (const [, object] of this.#levels) object.visible = levels;
    for (const mesh of this.#meshes) {
      // Corneas and lashes are clear: without light they would only darken the photo's own, and clay is not.
      mesh.visible = !this.#lit.get(mesh)!.transparent || (this.#ownLight && this.#mode !== 'clay');
      const textured = this.#ownLight ? this.#lit.get(mesh)! : this.#unlit.get(mesh)!;
      mesh.material = this.#mode === 'clay' ? this.#clay : textured;
      (mesh.material as Material & { wireframe: boolean }).wireframe = this.#wireframe;
    }
    this.#clay.wireframe = this.#wireframe;
    this.#draw();
  }

  /** Once a frame at most. */
  #draw(): void {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      this.#drawNow();
    });
  }

  #drawNow(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0 || height === 0) return;
    const renderer = this.#renderer;
    renderer.setPixelRatio(Math.min(2, devicePixelRatio));
    renderer.setSize(width, height, false);
    renderer.setScissorTest(false);
    renderer.setViewport(0, 0, width, height);
    renderer.clear();
    if (this.#mode === 'overlay' && this.#photo) this.#drawOverPhoto(this.#photo, width, height);
    else if (this.#mode === 'levels' && this.#levels.length > 0) this.#drawLevels(width, height);
    else this.#drawInto(0, 0, width, height);
  }

  #drawInto(x: number, y: number, width: number, height: number): void {
    const renderer = this.#renderer;
    renderer.setViewport(x, y, width, height);
    renderer.setScissor(x, y, width, height);
    renderer.setScissorTest(true);
    this.#camera.aspect = width / height;
    // A narrow window shows the head's width, not only its height.
    this.#camera.zoom = Math.min(1, this.#camera.aspect / 0.85);
    this.#camera.updateProjectionMatrix();
    renderer.render(this.#scene, this.#camera);
  }

  #drawLevels(width: number, height: number): void {
    const each = width / this.#levels.length;
    for (const [i] of this.#levels.entries()) {
      for (const [k, [, object]] of this.#levels.entries()) object.visible = k === i;
      this.#drawInto(i * each, 0, each, height);
    }
  }

  /** The square of the photo stands in the middle of the canvas, as large as it goes. */
  #drawOverPhoto({ camera, pose, ...photo }: PhotoCamera, width: number, height: number): void {
    const side = Math.min(width, height);
    const crop = cropOf({ camera, pose, ...photo });
    const [cx, cy] = [camera.principalPointPx[0] - crop.x, camera.principalPointPx[1] - crop.y];
    const scale = (2 * camera.focalLengthPx) / crop.size;
    const [near, far] = [0.02, 20];
    // From the camera frame (y down, z away, mm) to three's view space (y up, z towards us, m).
    const [r, t] = [pose.rotation, pose.translation];
    const view = new Matrix4().set(
      ...([r[0]!, r[1]!, r[2]!, t[0] / 1000, -r[3]!, -r[4]!, -r[5]!, -t[1] / 1000] as Eight),
      ...([-r[6]!, -r[7]!, -r[8]!, -t[2] / 1000, 0, 0, 0, 1] as Eight),
    );
    const to = this.#photoCamera;
    to.matrixAutoUpdate = false;
    to.matrix.copy(view).invert();
    to.matrixWorld.copy(to.matrix);
    to.projectionMatrix.set(
      ...([scale, 0, 1 - (2 * cx) / crop.size, 0, 0, scale, (2 * cy) / crop.size - 1, 0] as Eight),
      ...([0, 0, -(far + near) / (far - near), (-2 * far * near) / (far - near), 0, 0, -1, 0] as Eight),
    );
    to.projectionMatrixInverse.copy(to.projectionMatrix).invert();
    const renderer = this.#renderer;
    renderer.setViewport((width - side) / 2, (height - side) / 2, side, side);
    renderer.setScissor((width - side) / 2, (height - side) / 2, side, side);
    renderer.setScissorTest(true);
    renderer.render(this.#scene, to);
  }
}

type Eight = [number, number, number, number, number, number, number, number];

function isMesh(object: Object3D): object is Mesh {
  return (object as Mesh).isMesh === true;
}
