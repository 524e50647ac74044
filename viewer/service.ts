/** What the service tells of a fit; see /openapi.json. */
export interface Fit {
  id: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  progress: { stage: string; fraction: number };
  quality?: Record<string, number>;
  warnings?: { code: string; message: string }[];
  timingsMs?: Record<string, number>;
  device?: string;
  files: Record<string, string>;
  error?: { code: string; message: string };
  links: { self: string; events: string };
}

export class ServiceError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const TOKEN = 'hrn-token';

/** The HTTP API beside this page. `askToken` is called when the service wants one. */
export class Service {
  readonly #askToken: () => Promise<string | undefined>;

  constructor(askToken: () => Promise<string | undefined>) {
    this.#askToken = askToken;
  }

  async post(photo: Blob, signal: AbortSignal): Promise<Fit> {
    const type = photo.type.startsWith('image/') ? photo.type : 'application/octet-stream';
    return (
      await this.#fetch('v1/fits?detail=high', {
        method: 'POST',
        body: photo,
        headers: { 'content-type': type },
        signal,
      })
    ).json();
  }

  /** Follows a fit until it is finished; returns how it ended. */
  async follow(fit: Fit, onChange: (fit: Fit) => void, signal: AbortSignal): Promise<Fit> {
    const response = await this.#fetch(fit.links.events.slice(1), { signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let latest = fit;
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return latest;
      const events = (rest + value).split('\n\n');
      rest = events.pop()!;
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1];
        if (data === undefined) continue;
        latest = JSON.parse(data);
        onChange(latest);
      }
    }
  }

  async file(path: string): Promise<Blob> {
    return (await this.#fetch(path.slice(1), {})).blob();
  }

  /** Best effort: what is left behind expires. */
  async remove(fit: Fit): Promise<void> {
    await this.#fetch(fit.links.self.slice(1), { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const token = sessionStorage.getItem(TOKEN);
    const headers = { ...(init.headers as Record<string, string>), ...(token && { authorization: `Bearer ${token}` }) };
    let response: Response;
    try {
      response = await fetch(new URL(path, document.baseURI), { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ServiceError('UNREACHABLE', 'The service cannot be reached. Is hrn serve running?');
    }
    if (response.ok) return response;
    if (response.status === 401) {
      const given = await this.#askToken();
      if (given !== undefined) {
        sessionStorage.setItem(TOKEN, given);
        return this.#fetch(path, init);
      }
    }
    const { error } = await response.json().catch(() => ({ error: undefined }));
    throw new ServiceError(error?.code ?? String(response.status), error?.message ?? response.statusText);
  }
}
