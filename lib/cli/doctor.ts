import { Command } from 'commander';

interface DoctorFlags {
  json?: boolean;
  models?: string;
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const { runChecks } = await import('./checks.js');
  const checks = await runChecks(flags.models);
  const ok = checks.every((check) => check.ok);
  if (!ok) process.exitCode = 1;
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ok, checks }, null, 2)}\n`);
    return;
  }
  const width = Math.max(...checks.map((check) => check.name.length));
  for (const check of checks) {
    process.stdout.write(`${check.ok ? 'ok   ' : 'FAIL '} ${check.name.padEnd(width)}  ${check.detail}\n`);
  }
  process.stdout.write(ok ? 'Everything is in place.\n' : 'Something is broken: see the lines that begin with FAIL.\n');
}

export const doctorCommand = new Command('doctor')
  .description('check that everything hrn needs is in place')
  .option('--json', 'print JSON: { ok, checks: [{ name, ok, detail }] }')
  .option('--models <dir>', 'folder with the models (default: the embedded ones)')
  .action(doctor);
