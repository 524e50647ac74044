import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Compiles dist once before the tests, so that those which run the CLI as a program never meet an old build. */
export default function buildDist(): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  execFileSync('npm', ['run', '--silent', 'build:ts'], { cwd: root, stdio: 'inherit' });
}
