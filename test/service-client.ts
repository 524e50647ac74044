/** The quickest fit that still goes through every stage. */
export const QUICK = 'detail=coarse&textureSize=256&outputs=glb,json';

export interface Fit {
  id: string;
  state: string;
  progress: { stage: string; fraction: number };
  quality?: Record<string, number>;
  files: Record<string, string>;
  links: { self: string; events: string };
  error?: { code: string; message: string };
}

/** Requests to a running `hrn serve`. */
export class Client {
  readonly #url: string;
  readonly #photo: Buffer;
  readonly #headers: Record<string, string>;

  constructor(url: string, photo: Buffer, headers: Record<string, string> = {}) {
    this.#url = url;
    this.#photo = photo;
    this.#headers = headers;
  }

  post(
    query = QUICK,
    body: string | Buffer | FormData | undefined = this.#photo,
    headers: Record<string, string> = { 'content-type': 'image/png' },
  ): Promise<Response> {
    // An argument that is given as undefined is the default one; no body is an empty one with no type.
    const sent = Object.keys(headers).length === 0 && Buffer.isBuffer(body) ? undefined : body;
    const content = Buffer.isBuffer(sent) ? new Uint8Array(sent) : sent;
    return fetch(`${this.#url}/v1/fits?${query}`, {
      method: 'POST',
      ...(content !== undefined && { body: content }),
      headers: { ...this.#headers, ...headers },
    });
  }

  get(path: string, init: { method?: string } = {}): Promise<Response> {
    return fetch(this.#url + path, { ...init, headers: this.#headers });
  }

  async fitOf(response: Response): Promise<Fit> {
    return (await response.json()) as Fit;
  }

  async ready(): Promise<{ status: string; workers: number; running: number; waiting: number }> {
    return (await (await this.get('/readyz')).json()) as never;
  }

  async settled(self: string): Promise<Fit> {
    for (;;) {
      const fit = await this.fitOf(await this.get(self));
      if (fit.state === 'done' || fit.state === 'failed') return fit;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** Every event until the service ends the stream. */
  async events(path: string): Promise<Fit[]> {
    const text = await (await this.get(path)).text();
    return [...text.matchAll(/^event: fit\ndata: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as Fit);
  }
}
