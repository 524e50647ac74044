import { Command } from 'commander';
import { IMPORTERS } from '../importers/index.js';
import { exitCodeOf, failureLine } from './failure.js';
import { interruptible } from './interrupt.js';
import { createReporter } from './reporter.js';

interface ImportFlags {
  as: string;
  out: string;
  quiet?: boolean;
}

async function importOne(path: string, flags: ImportFlags): Promise<void> {
  const reporter = createReporter(flags.quiet ?? false);
  await interruptible(async (signal) => {
    try {
      reporter.begin(path, '1/1');
      const { importModel } = await import('../import-model.js');
      const { model, quality, licence, write } = await importModel(path, {
        as: flags.as,
        signal,
        onProgress: (fraction) => reporter.progress('register', fraction),
      });
      await write(flags.out);
      const { identity, expression, albedo } = model;
      reporter.done(
        `${path}: ${model.name}, ${model.vertexCount} vertices, ${identity.count} identity, ${expression.count} expression and ${albedo.count} albedo components; ${qualityText(quality)} -> ${flags.out}`,
      );
      reporter.done(`licence: ${licence}`);
    } catch (error) {
      signal.throwIfAborted();
      process.exitCode = exitCodeOf(error);
      reporter.fail(failureLine(path, error));
    } finally {
      reporter.close();
    }
  });
}

function qualityText({ fittedMm, bentMm, bent90Mm, landmarksMm, scale }: Readonly<Record<string, number>>): string {
  const parts = [
    `embedded head laid over it to ${bentMm?.toFixed(2)} mm (90 %: ${bent90Mm?.toFixed(2)}; by its coefficients alone ${fittedMm?.toFixed(2)})`,
    ...(landmarksMm === undefined ? [] : [`landmarks ${landmarksMm.toFixed(2)} mm apart`]),
    ...(scale === undefined ? [] : [`size ${scale.toFixed(2)} of the embedded mean`]),
  ];
  return parts.join(', ');
}

async function list(): Promise<void> {
  process.stdout.write('formats that `hrn models import --as` takes:\n');
  const width = Math.max(...Object.keys(IMPORTERS).map((name) => name.length));
  for (const [name, { takes }] of Object.entries(IMPORTERS))
    process.stdout.write(`  ${name.padEnd(width)}  ${takes}\n`);
  const [{ locateModels }, { readManifest }] = await Promise.all([
    import('../models/locate.js'),
    import('../models/manifest.js'),
  ]);
  process.stdout.write('models inside the package:\n');
  for (const { file, name, licence } of await readManifest(locateModels())) {
    process.stdout.write(`  ${file}  ${name} (${licence})\n`);
  }
}

async function check(path: string): Promise<void> {
  try {
    const [{ readModelBytes }, { parseModelFile }, { native }, { runJob }] = await Promise.all([
      import('../models/read-model-bytes.js'),
      import('../models/model-file.js'),
      import('../native/load.js'),
      import('../native/job.js'),
    ]);
    const { model, licence, from, quality } = parseModelFile(await readModelBytes(path));
    // Every index and number is checked where the fits take it.
    await runJob(() => native().buildModel(model));
    process.stdout.write(
      `${path}: ${model.name} (from ${from}; ${licence}), ${model.vertexCount} vertices, ${model.triangleCount} triangles; ${qualityText(quality)}\n`,
    );
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    process.stderr.write(`${failureLine(path, error)}\n`);
  }
}

export const modelsCommand = new Command('models')
  .description("bring somebody else's head model")
  .addCommand(
    new Command('import')
      .description('convert a head model once into one file that `hrn fit --model` takes')
      .argument('<path>', 'its file or folder')
      .requiredOption('--as <format>', `its format: ${Object.keys(IMPORTERS).join(', ')}`)
      .requiredOption('--out <file>', 'the file to write, NAME.safetensors')
      .option('--quiet', 'print failures only')
      .action(importOne),
  )
  .addCommand(
    new Command('list').description('formats that can be imported, and the models inside the package').action(list),
  )
  .addCommand(
    new Command('check').description('check a file that `hrn models import` wrote').argument('<file>').action(check),
  );
