import { cropOf, HeadView, type Mode, type PhotoCamera } from './head-view.js';
import { ProgressList } from './progress.js';
import { type Fit, Service, ServiceError } from './service.js';
import { buildSliders } from './shapes.js';
import { Webcam } from './webcam.js';

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const [start, working, result] = [byId('start'), byId('working'), byId('result')];
const status = byId('status');
const errorLine = byId('error');
const canvas = byId<HTMLCanvasElement>('view');
const photoCanvas = byId<HTMLCanvasElement>('photo');

const say = (text: string): void => {
  status.textContent = text;
};
const service = new Service(askToken);
const progress = new ProgressList(byId<HTMLProgressElement>('bar'), byId('stages'), say);
const webcam = new Webcam(byId<HTMLVideoElement>('video'));
let view: HeadView | undefined;
let fit: Fit | undefined;
let controller = new AbortController();
/** Decoded by the browser; undefined where it cannot (TIFF), and then there is no overlay. */
let photo: ImageBitmap | undefined;
let photoCamera: PhotoCamera | undefined;
let mode: Mode = 'textured';

function show(section: HTMLElement): void {
  for (const one of [start, working, result]) one.hidden = one !== section;
  byId('again').hidden = section !== result;
}

function showError(error: unknown): void {
  const text =
    error instanceof ServiceError ? `${error.message} (${error.code})` : String((error as Error).message ?? error);
  errorLine.textContent = text.charAt(0).toUpperCase() + text.slice(1);
  errorLine.hidden = false;
}

function clearError(): void {
  errorLine.hidden = true;
  errorLine.textContent = '';
}

async function askToken(): Promise<string | undefined> {
  const dialog = byId<HTMLDialogElement>('token-dialog');
  const input = byId<HTMLInputElement>('token');
  input.value = '';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  return dialog.returnValue === 'ok' && input.value !== '' ? input.value.trim() : undefined;
}

/** From a photo to the head on the screen. */
async function fitPhoto(file: Blob, name: string): Promise<void> {
  clearError();
  controller = new AbortController();
  const { signal } = controller;
  const old = fit;
  fit = undefined;
  if (old) void service.remove(old);
  photo?.close();
  photo = await createImageBitmap(file).catch(() => undefined);
  const thumbnail = byId<HTMLImageElement>('thumbnail');
  const address = URL.createObjectURL(file);
  thumbnail.hidden = photo === undefined;
  thumbnail.src = address;
  progress.reset();
  show(working);
  byId('cancel').focus();
  try {
    fit = await service.post(file, signal);
    fit = await service.follow(fit, ({ progress: { stage, fraction } }) => progress.show(stage, fraction), signal);
    if (fit.error) throw new ServiceError(fit.error.code, fit.error.message);
    if (fit.state !== 'done') throw new ServiceError('GONE', 'The fit was removed before it was finished.');
    await showFit(fit, name);
  } catch (error) {
    if (fit) void service.remove(fit);
    fit = undefined;
    show(start);
    if (!signal.aborted) showError(error);
    else say('Cancelled');
    byId('choose').focus();
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function showFit(done: Fit, name: string): Promise<void> {
  const bytes = async (file: string) => (await service.file(done.files[file]!)).arrayBuffer();
  const [glb, json] = await Promise.all([bytes('head.glb'), service.file(done.files['head.json']!)]);
  await showHead(glb);
  photoCamera = JSON.parse(await json.text()) as PhotoCamera;
  view!.photo = photoCamera;
  const levels = ['coarse', 'medium', 'high'].filter((level) => `${level}.ply` in done.files);
  const files = await Promise.all(levels.map(async (level) => [level, await bytes(`${level}.ply`)] as const));
  view!.setLevels(new Map(files));
  byId('level-names').replaceChildren(...levels.map((level) => element('span', level)));
  allowModes(levels.length > 0, photo !== undefined);
  const stem = name.replace(/\.[^.]*$/, '') || 'head';
  showFacts(done, photoCamera);
  showDownloads(done, stem);
  say('The head is ready. Turn it with the arrow keys.');
  canvas.focus();
}

/** A head, from the service or from a file of one's own. */
async function showHead(glb: ArrayBuffer): Promise<void> {
  show(result);
  view ??= new HeadView(canvas);
  await view.load(glb);
  const shapes = view.shapes;
  const move = buildSliders(byId('sliders'), shapes, (name, weight) => view!.setShape(name, weight));
  byId('expressions').hidden = shapes.length === 0;
  byId('as-photo').onclick = () => move(new Map(shapes));
  byId('neutral').onclick = () => move(new Map());
  setMode('textured');
  setLight();
}

function allowModes(levels: boolean, overlay: boolean): void {
  for (const [value, allowed] of [
    ['levels', levels],
    ['overlay', overlay],
  ] as const) {
    document.querySelector<HTMLInputElement>(`input[name=mode][value=${value}]`)!.disabled = !allowed;
  }
}

function setMode(next: Mode): void {
  mode = next;
  document.querySelector<HTMLInputElement>(`input[name=mode][value=${next}]`)!.checked = true;
  view!.mode = next;
  byId('level-names').hidden = next !== 'levels';
  byId('opacity-field').hidden = next !== 'overlay';
  byId('keys').hidden = next === 'overlay';
  photoCanvas.hidden = next !== 'overlay';
  const names = { textured: 'textured', clay: 'shape only', levels: 'levels side by side', overlay: 'over the photo' };
  canvas.setAttribute('aria-label', `The head in 3D, ${names[next]}`);
  canvas.style.opacity = next === 'overlay' ? byId<HTMLInputElement>('opacity').value : '1';
  drawPhoto();
}

/** The square of the photo behind the head. */
function drawPhoto(): void {
  if (mode !== 'overlay' || !photo || !photoCamera) return;
  const { clientWidth, clientHeight } = photoCanvas;
  const ratio = Math.min(2, devicePixelRatio);
  const [width, height] = [Math.round(ratio * clientWidth), Math.round(ratio * clientHeight)];
  Object.assign(photoCanvas, { width, height });
  const side = Math.min(width, height);
  const crop = cropOf(photoCamera);
  // The browser may have decoded it at another size than the service.
  const scale = photo.width / photoCamera.input.width;
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  const zoom = side / crop.size;
  const context = photoCanvas.getContext('2d')!;
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  context.drawImage(
    photo,
    ...([left - crop.x * zoom, top - crop.y * zoom, (photo.width / scale) * zoom, (photo.height / scale) * zoom] as [
      number,
      number,
      number,
      number,
    ]),
  );
}

function setLight(): void {
  const number = (id: string) => Number(byId<HTMLInputElement>(id).value);
  view!.ownLight = byId<HTMLInputElement>('lit').checked;
  view!.setLight(number('azimuth'), number('elevation'));
}

function element(tag: string, text: string): HTMLElement {
  const one = document.createElement(tag);
  one.textContent = text;
  return one;
}

function showFacts({ quality, warnings, timingsMs, device }: Fit, { input }: PhotoCamera): void {
  const seconds = Object.values(timingsMs ?? {}).reduce((sum, ms) => sum + ms, 0) / 1000;
  const facts: [string, string][] = [
    ['Photo', `${input.width} × ${input.height} px`],
    ['Landmark error', `${quality?.landmarkErrorPercent?.toFixed(2)} % of the eye distance`],
    ['Colour error', `${(100 * (quality?.photometricError ?? 0)).toFixed(1)} %`],
    ['Time', `${seconds.toFixed(1)} s on ${device?.replace(/ \(.*/, '')}`],
    ...(warnings ?? []).map(({ message }): [string, string] => ['Mind', message]),
  ];
  byId('facts').replaceChildren(...facts.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
}

/** By name in the API: what the button says and what the saved file is called. */
const DOWNLOADS: readonly [file: string, text: string, ending: string][] = [
  ['head.glb', 'GLB', '.glb'],
  ['head.obj', 'OBJ', '.obj'],
  ['head.mtl', 'MTL', '.mtl'],
  ['texture.png', 'Texture', '_texture.png'],
  ['head.ply', 'PLY', '.ply'],
  ['head.json', 'JSON', '.json'],
  ['preview.png', 'Preview', '_preview.png'],
];

function showDownloads({ files }: Fit, stem: string): void {
  const available = DOWNLOADS.filter(([file]) => file in files);
  byId('downloads').replaceChildren(
    ...available.map(([file, text, ending]) => {
      const button = element('button', text) as HTMLButtonElement;
      button.type = 'button';
      // An OBJ names its MTL and its texture, and those names must stay.
      const name = /^head\.(obj|mtl)$|^texture/.test(file) ? file.replace(/^texture/, 'head_texture') : stem + ending;
      button.setAttribute('aria-label', `Download ${name}`);
      button.onclick = () => save(files[file]!, name).catch(showError);
      return button;
    }),
  );
}

async function save(path: string, name: string): Promise<void> {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await service.file(path));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function openFile(file: File): Promise<void> {
  if (!/\.glb$/i.test(file.name)) return fitPhoto(file, file.name);
  clearError();
  try {
    await showHead(await file.arrayBuffer());
    allowModes(false, false);
    byId('facts').replaceChildren(element('dt', 'File'), element('dd', file.name));
    byId('downloads').replaceChildren();
    canvas.focus();
  } catch {
    show(start);
    showError(new Error(`${file.name} is not a GLB that this page can show`));
  }
}

const fileInput = byId<HTMLInputElement>('file');
byId('choose').addEventListener('click', () => fileInput.click());
fileInput.addEventListener('change', () => {
  const file = fileInput.files?.[0];
  fileInput.value = '';
  if (file) void openFile(file);
});

const drop = byId('drop');
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) drop.classList.remove('over');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  const file = event.dataTransfer?.files[0];
  if (file && working.hidden) void openFile(file);
});

function showCamera(on: boolean): void {
  byId('camera').hidden = !on;
  drop.hidden = on;
}
byId('webcam').addEventListener('click', async () => {
  clearError();
  try {
    await webcam.start();
    showCamera(true);
    byId('shoot').focus();
  } catch {
    showError(new Error('The camera cannot be used: there is none, or the browser was not allowed to.'));
  }
});
byId('shoot').addEventListener('click', async () => {
  try {
    const picture = await webcam.shoot();
    showCamera(false);
    await fitPhoto(picture, 'camera.jpg');
  } catch (error) {
    showCamera(false);
    showError(error);
  }
});
byId('camera-off').addEventListener('click', () => {
  webcam.stop();
  showCamera(false);
  byId('webcam').focus();
});

byId('cancel').addEventListener('click', () => controller.abort());
byId('again').addEventListener('click', () => {
  show(start);
  byId('choose').focus();
});
byId('modes').addEventListener('change', (event) => setMode((event.target as HTMLInputElement).value as Mode));
byId('opacity').addEventListener('input', () => {
  canvas.style.opacity = byId<HTMLInputElement>('opacity').value;
});
byId('wireframe').addEventListener('change', () => {
  view!.wireframe = byId<HTMLInputElement>('wireframe').checked;
});
byId('lighting').addEventListener('input', setLight);
new ResizeObserver(drawPhoto).observe(photoCanvas);
