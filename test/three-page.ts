/** three.js in a page of a headless Chromium. */
import { existsSync } from 'node:fs';
import { build } from 'esbuild';

export const CHROMIUM = [
  process.env.HRN_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));

/**
 * What a function of a script gives, called in the page.
 *
 * @param script the page's, as text: these tests are compiled without the browser's types; it may import three
 * @param name of a function that the script puts on `window`
 * @param given its arguments, as JSON
 * @throws Error where the browser complains
 */
export async function callInThree<T>(script: string, name: string, given: readonly unknown[]): Promise<T> {
  const bundled = await build({
    stdin: { contents: script, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'iife',
    write: false,
    logLevel: 'silent',
  });
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: CHROMIUM!,
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !/GPU stall|swiftshader/i.test(message.text()))
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.setContent(`<title>${name}</title>`);
    await page.addScriptTag({ content: bundled.outputFiles[0]!.text });
    const result = (await page.evaluate(`window.${name}(${given.map((one) => JSON.stringify(one))})`)) as T;
    if (complaints.length > 0) throw new Error(`the browser complains: ${complaints.join('; ')}`);
    return result;
  } finally {
    await browser.close();
  }
}
