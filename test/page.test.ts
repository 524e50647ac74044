import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, FileChooser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningService, startService } from './service-process.js';

const CHROMIUM = [
  process.env.HRN_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));
if (!CHROMIUM) console.warn('PAGE TESTS SKIPPED: no Chromium is installed (apt-get install chromium, or HRN_CHROMIUM)');

const astronaut = fileURLToPath(new URL('../examples/astronaut.png', import.meta.url));
/** Where pictures of the page go, for people to look at. */
const PICTURES = process.env.HRN_PAGE_PICTURES;

/** Small, since the processor draws every pixel. */
const SCREEN = { width: 800, height: 480 };

let service: RunningService;
let browser: Browser;
let page: Page;
let dialogue: FileChooser | undefined;
/** As downloaded. */
let glb: Buffer;
const complaints: string[] = [];

/** The canvas as pixels, once it has been drawn. */
async function drawn(): Promise<Buffer> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  return page.locator('#stage').screenshot();
}

async function picture(name: string): Promise<void> {
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/** Mean absolute difference of two pictures of one size, 0..255. */
async function difference(a: Buffer, b: Buffer): Promise<number> {
  const [x, y] = await Promise.all([a, b].map((png) => sharp(png).removeAlpha().raw().toBuffer()));
  let sum = 0;
  for (let i = 0; i < x!.length; i++) sum += Math.abs(x![i]! - y![i]!);
  return sum / x!.length;
}

// What runs in the page, as text: these tests are compiled without the browser's types.
/** Collects what a screen reader is told. */
const LISTEN = `
  window.told = [];
  new MutationObserver(() => window.told.push(document.getElementById('status').textContent))
    .observe(document.getElementById('status'), { childList: true });`;
const SIZES = `({
  clientWidth: document.documentElement.clientWidth,
  scrollWidth: document.documentElement.scrollWidth,
  ground: getComputedStyle(document.body).backgroundColor,
})`;
/** Everything that can be used and that a screen reader would have no name for. */
const NAMELESS = `
  [...document.querySelectorAll('button, input, canvas[tabindex], video, progress, section')]
    .filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') ||
      one.labels?.[0]?.textContent.trim() || one.textContent.trim()))
    .map((one) => one.outerHTML.slice(0, 80))`;

const colours = async (png: Buffer) => {
  const { channels } = await sharp(png).removeAlpha().stats();
  return channels.map(({ stdev }) => stdev);
};

describe.skipIf(!CHROMIUM)('the page', () => {
  beforeAll(async () => {
    if (PICTURES) await mkdir(PICTURES, { recursive: true });
    service = await startService(['--workers', '1', '--threads', '2']);
    const { chromium } = await import('playwright-core');
    const software = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
    const camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
    const args = ['--no-sandbox', ...software, ...camera];
    browser = await chromium.launch({ executablePath: CHROMIUM!, args });
    page = await browser.newPage({ viewport: SCREEN, colorScheme: 'light' });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !/GPU stall|swiftshader/i.test(message.text())) {
        complaints.push(message.text());
      }
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    // From here on the browser asks us, not a dialogue of its own: told so only when it is asked, it may ask too soon.
    page.on('filechooser', (chooser) => {
      dialogue = chooser;
    });
    await page.goto(service.url);
  });
  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  it('turns a chosen photo into a head, telling each stage', { timeout: 120_000 }, async () => {
    await picture('start');
    // With the keyboard: past the link to the head, onto the button, whose dialogue takes the file.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement?.id')).toBe('choose');
    await page.evaluate(LISTEN);
    await page.keyboard.press('Enter');
    await expect.poll(() => dialogue, { timeout: 20_000 }).toBeDefined();
    await dialogue!.setFiles(astronaut);
    await page.locator('#stages li.now').first().waitFor();
    await picture('working');
    expect(await page.locator('#thumbnail').isVisible()).toBe(true);
    await page.locator('#result').waitFor({ timeout: 60_000 });
    await page.locator('#downloads button').first().waitFor();
    const told = (await page.evaluate('window.told')) as string[];
    expect(told).toEqual(expect.arrayContaining(['Fitting what is this person’s own', 'Writing files']));
    expect(told.at(-1)).toBe('The head is ready. Turn it with the arrow keys.');
    expect(await page.evaluate('document.activeElement?.id')).toBe('view');
    const png = await drawn();
    await picture('textured');
    for (const deviation of await colours(png)) expect(deviation).toBeGreaterThan(20);
  });

  it('turns it with keys and pointer, and draws it as clay, wires and levels', { timeout: 60_000 }, async () => {
    const before = await drawn();
    await page.locator('#view').focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
    const turned = await drawn();
    expect(await difference(before, turned)).toBeGreaterThan(2);
    const box = (await page.locator('#view').boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 90, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    const dragged = await drawn();
    expect(await difference(turned, dragged)).toBeGreaterThan(2);
    await page.keyboard.press('0');
    const looks: Record<string, Buffer> = { textured: await drawn() };
    for (const mode of ['clay', 'levels', 'overlay']) {
      await page.locator(`input[value=${mode}]`).check();
      looks[mode] = await drawn();
      await picture(mode);
    }
    await page.locator('input[value=textured]').check();
    await page.locator('#wireframe').check();
    looks.wires = await drawn();
    await picture('wires');
    await page.locator('#wireframe').uncheck();
    await page.locator('#lit').check();
    looks.lit = await drawn();
    await page.locator('#azimuth').fill('80');
    looks.turnedLight = await drawn();
    await page.locator('#lit').uncheck();
    const all = Object.entries(looks);
    for (const [i, [name, png]] of all.entries()) {
      for (const [other, second] of all.slice(i + 1)) {
        expect(await difference(png, second), `${name} against ${other}`).toBeGreaterThan(0.5);
      }
    }
    // Clay is grey.
    const { channels } = await sharp(looks.clay!).removeAlpha().stats();
    expect(Math.abs(channels[0]!.mean - channels[2]!.mean)).toBeLessThan(12);
    expect(await page.locator('#level-names span').allTextContents()).toEqual(['coarse', 'medium', 'high']);
  });

  it('lays the head onto the photo where the face is', async () => {
    await page.locator('input[value=overlay]').check();
    await page.locator('#opacity').fill('0');
    const photo = await drawn();
    await page.locator('#opacity').fill('1');
    const head = await drawn();
    await picture('overlay-full');
    await page.locator('#opacity').fill('0.75');
    const { width, height } = (await sharp(photo).metadata()) as { width: number; height: number };
    const square = Math.round(0.3 * Math.min(width, height));
    const face = {
      left: Math.round((width - square) / 2),
      top: Math.round((height - square) / 2),
      width: square,
      height: square,
    };
    const cut = (png: Buffer) => sharp(png).extract(face).png().toBuffer();
    // The texture is the photo's own colours: at the right place the two are nearly the same.
    expect(await difference(await cut(photo), await cut(head))).toBeLessThan(8);
    await page.locator('input[value=textured]').check();
  });

  it('moves 52 shapes, each by a slider with a name and a value', async () => {
    await page.locator('#expressions summary').click();
    const sliders = page.locator('#sliders input[type=range]');
    expect(await sliders.count()).toBe(52);
    const before = await drawn();
    const jaw = page.getByRole('slider', { name: 'Open', exact: true });
    await jaw.fill('1');
    expect(await jaw.getAttribute('aria-valuetext')).toBe('100 percent');
    const open = await drawn();
    await picture('jaw-open');
    expect(await difference(before, open)).toBeGreaterThan(0.5);
    await page.locator('#neutral').click();
    expect(await jaw.inputValue()).toBe('0');
    await page.locator('#as-photo').click();
    expect(await difference(before, await drawn())).toBeLessThan(0.05);
    await page.locator('#expressions summary').click();
  });

  it('downloads what was made', async () => {
    const names = await page.locator('#downloads button').allTextContents();
    expect(names).toEqual(['GLB', 'OBJ', 'MTL', 'Texture', 'PLY', 'JSON', 'Preview']);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('#downloads button').first().click(),
    ]);
    expect(download.suggestedFilename()).toBe('astronaut.glb');
    glb = await readFile((await download.path())!);
    expect(glb.toString('latin1', 0, 4)).toBe('glTF');
  });

  it('fits a phone and a dark room', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 390, height: 844 });
    await drawn();
    await picture('phone-dark');
    const { clientWidth, scrollWidth, ground } = (await page.evaluate(SIZES)) as Record<string, unknown>;
    expect(scrollWidth).toBe(clientWidth);
    expect(ground).toBe('rgb(23, 24, 27)');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(SCREEN);
  });

  it('has a name for everything that can be used', async () => {
    const nameless = await page.evaluate(NAMELESS);
    expect(nameless).toEqual([]);
  });

  it('says what is wrong, and takes a photo with the camera', { timeout: 60_000 }, async () => {
    await page.locator('#again').click();
    await page.locator('#file').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('text') });
    await page.locator('#error').waitFor();
    expect(await page.locator('#error').textContent()).toMatch(/^The photo is not an image.*\(NOT_AN_IMAGE\)$/);
    await picture('error');
    await page.locator('#webcam').click();
    await page.locator('#shoot').waitFor();
    await page.locator('#shoot').click();
    // What the browser pretends to be a camera shows no face.
    await page.locator('#error').waitFor();
    expect(await page.locator('#error').textContent()).toMatch(/NO_FACE/);
  });

  it('shows a GLB of one’s own', async () => {
    await page.locator('#file').setInputFiles({ name: 'own.glb', mimeType: 'model/gltf-binary', buffer: glb });
    await page.locator('#result').waitFor();
    for (const deviation of await colours(await drawn())) expect(deviation).toBeGreaterThan(20);
    expect(await page.locator('input[value=levels]').isDisabled()).toBe(true);
    // Refused fits are answered with errors, which the browser reports; nothing else complains.
    expect(complaints.filter((text) => !/status of 4\d\d/.test(text))).toEqual([]);
  });
});
