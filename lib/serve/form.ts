import type { IncomingHttpHeaders } from 'node:http';
import { finished, type Readable } from 'node:stream';
import { Problem } from './problems.js';
import { saveBody } from './upload.js';

/** A form as it was read: the bytes of its one file, which lies where it was to be saved, and its fields. */
export interface Form {
  bytes: number;
  fields: Record<string, string>;
}

/** More than every option there is, each once. */
const LIMITS = { files: 1, fields: 16, parts: 17, fieldNameSize: 50, fieldSize: 200 };

const loadParser = async () => (await import('@fastify/busboy')).Busboy;

/**
 * Reads a multipart form and saves its file, which must be the only one.
 *
 * @throws Problem BAD_REQUEST, BODY_TOO_LARGE; errors of the file system as they are
 */
export async function readForm(
  body: Readable,
  headers: IncomingHttpHeaders,
  path: string,
  maxBytes: number,
): Promise<Form> {
  const Busboy = await loadParser();
  const bad = (why: string) => new Problem('BAD_REQUEST', `the form cannot be read: ${why}`);
  let parser: InstanceType<typeof Busboy>;
  try {
    parser = new Busboy({
      headers: headers as { 'content-type': string },
      limits: { ...LIMITS, fileSize: maxBytes + 1 },
    });
  } catch (error) {
    throw bad((error as Error).message);
  }
  const fields: Record<string, string> = {};
  let file: Readable | undefined;
  let saving: Promise<number> | undefined;
  const parsed = new Promise<void>((resolve, reject) => {
    parser.on('field', (name, value, nameIsCut, valueIsCut) => {
      if (nameIsCut || valueIsCut) reject(bad('a field is too long'));
      else if (Object.hasOwn(fields, name)) reject(bad(`field ${name} comes twice`));
      else fields[name] = value;
    });
    parser.on('file', (_name, stream) => {
      file = stream;
      // The parser tells the file, too, when the form ends in the middle of it, and may do so when nobody listens any more.
      stream.on('error', () => {});
      saving = saveBody(stream, path, maxBytes);
      saving.catch(reject);
    });
    parser.on('filesLimit', () => reject(bad('it holds more than one file')));
    parser.on('fieldsLimit', () => reject(bad('it holds too many fields')));
    parser.on('partsLimit', () => reject(bad('it holds too many parts')));
    parser.on('error', (error) => reject(bad((error as Error).message)));
    parser.on('finish', resolve);
    finished(body, { writable: false }, (error) => {
      if (error) reject(new Problem('BAD_REQUEST', 'the upload broke off'));
    });
    body.pipe(parser);
  });
  try {
    await parsed;
  } catch (error) {
    // What is still to come is read and dropped, so that the client sees the answer.
    body.unpipe(parser);
    body.resume();
    file?.destroy(error as Error);
    await saving?.catch(() => {});
    throw error;
  }
  if (!saving) throw new Problem('BAD_REQUEST', 'the form holds no file; add the photo as one');
  return { bytes: await saving, fields };
}
