import type { S3Client } from '@aws-sdk/client-s3';
import { HrnError } from '../index.js';
import { loadPackages } from '../workers/optional-package.js';

export interface S3Address {
  bucket: string;
  key: string;
}

/** `s3://BUCKET/KEY`; undefined for anything else. */
export function s3Address(text: string): S3Address | undefined {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.*)$/s.exec(text);
  return match ? { bucket: match[1]!, key: match[2]! } : undefined;
}

const load = () => loadPackages('s3:// addresses', ['@aws-sdk/client-s3'], () => import('@aws-sdk/client-s3'));

/** What the queue does with an S3-compatible store. Credentials and region come from the environment, as everywhere. */
export class S3Store {
  readonly #endpoint: string | undefined;
  #client: Promise<{ client: S3Client; s3: typeof import('@aws-sdk/client-s3') }> | undefined;

  /** @param endpoint of a store other than Amazon's */
  constructor(endpoint: string | undefined) {
    this.#endpoint = endpoint;
  }

  /** The object's ETag; undefined where there is none. */
  async etag(address: S3Address): Promise<string | undefined> {
    return this.#do(address, async ({ client, s3 }, where) => {
      const { ETag } = await client.send(new s3.HeadObjectCommand(where));
      return ETag;
    });
  }

  /** The object's bytes, provided that its ETag is still this one; undefined where it is gone or another. */
  async get(address: S3Address, etag: string): Promise<NodeJS.ReadableStream | undefined> {
    return this.#do(address, async ({ client, s3 }, where) => {
      const { Body } = await client.send(new s3.GetObjectCommand({ ...where, IfMatch: etag }));
      return Body as NodeJS.ReadableStream | undefined;
    });
  }

  async put(address: S3Address, bytes: Uint8Array, type: string): Promise<void> {
    await this.#do(address, ({ client, s3 }, where) =>
      client.send(new s3.PutObjectCommand({ ...where, Body: bytes, ContentType: type })),
    );
  }

  async close(): Promise<void> {
    (await this.#client)?.client.destroy();
  }

  async #do<T>(
    { bucket, key }: S3Address,
    work: (
      tools: { client: S3Client; s3: typeof import('@aws-sdk/client-s3') },
      where: { Bucket: string; Key: string },
    ) => Promise<T>,
  ): Promise<T | undefined> {
    this.#client ??= this.#connect();
    const tools = await this.#client;
    try {
      return await work(tools, { Bucket: bucket, Key: key });
    } catch (cause) {
      const { name, $metadata } = cause as Error & { $metadata?: { httpStatusCode?: number } };
      if ($metadata?.httpStatusCode === 404 || $metadata?.httpStatusCode === 412) return undefined;
      throw new HrnError('SERVICE_UNAVAILABLE', `s3://${bucket}/${key} cannot be used: ${name}`, { cause });
    }
  }

  async #connect() {
    const s3 = await load();
    const client = new s3.S3Client({
      region: process.env.AWS_REGION ?? 'us-east-1',
      // Other stores have no host name per bucket, and not all know the newer checksums.
      ...(this.#endpoint && { endpoint: this.#endpoint, forcePathStyle: true }),
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    return { client, s3 };
  }
}
