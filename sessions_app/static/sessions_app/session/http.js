/**
 * Calls of the REST API: who is asking, problem documents, retries, and what time it is on the server.
 * @module
 */

/** Answers that may be different a moment later. */
const BUSY = new Set([429, 502, 503, 504]);
/** So long nothing may come: no answer, and then no further part of it. A long answer takes as long as it takes. */
const SILENCE_MS = 15_000;
/** Nothing tells how much of a request has arrived, so it gets the time that it needs on a slow line besides. */
const SLOWEST_UPLOAD_BYTES_PER_MS = 10;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** A `Date` header has whole seconds, and an answer takes a while: smaller differences say nothing. */
const CLOCK_NOISE_MS = 2_000;

/** The service said no, and why: a problem document (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status HTTP status.
   * @param {Record<string, any>} document Its `code` is stable; its `detail` is a sentence for the person.
   */
  constructor(status, document) {
    super(document.detail);
    this.name = "Problem";
    this.status = status;
    this.code = document.code ?? "";
    this.detail = document.detail;
    this.document = document;
  }
}

/** Nobody answered: no network, no server, or too late. Whether anything was done there is not known. */
export class Unreachable extends Error {
  constructor() {
    super("The service can't be reached at the moment.");
    this.name = "Unreachable";
  }
}

/** One user's way to one installation of the service. */
export class Api {
  #token;
  #csrfToken;
  #offsetMs = 0;

  /**
   * @param {object} options
   * @param {string} [options.baseUrl] Where the API is. Default: `/api/v1/` of the page's own origin.
   * @param {string|null} [options.token] An API token, for pages of another origin. Without it cookies say who asks.
   * @param {string|null} [options.csrfToken] Default: what the page says in `<meta name="csrf-token">`, or its cookie.
   */
  constructor({ baseUrl = "/api/v1/", token = null, csrfToken = null } = {}) {
    this.base = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`, document.baseURI);
    this.#token = token;
    this.#csrfToken = csrfToken;
  }

  /** Whether a token says who asks. An EventSource can't send it, and needs a ticket. */
  get usesToken() {
    return this.#token !== null;
  }

  /** @param {string} path Relative to the base, or a path of the service (`/api/v1/…`) as its answers give them. */
  url(path) {
    return new URL(path, this.base);
  }

  /** The server's time, in milliseconds since 1970: this machine's clock may be wrong. */
  serverNow() {
    return Date.now() + this.#offsetMs;
  }

  /**
   * One call.
   * @param {string} method
   * @param {string} path
   * @param {object} [options]
   * @param {any} [options.body] Sent as JSON.
   * @param {string|null} [options.lease] The lease token, for a write into a live session.
   * @param {Record<string, string>} [options.headers]
   * @param {AbortSignal} [options.signal]
   * @returns {Promise<any>} The answer's document; null where there is none.
   * @throws {Problem|Unreachable}
   */
  call(method, path, options = {}) {
    return this.#send(method, path, options, (response) => (response.status === 204 ? null : response.json()));
  }

  /** As {@link call}, but gives what is answered as it is. @returns {Promise<Blob>} */
  file(method, path, options = {}) {
    return this.#send(method, path, options, (response) => response.blob());
  }

  async #send(method, path, { body, lease = null, headers = {}, signal } = {}, read) {
    const sent = { Accept: "application/json", ...headers };
    if (body !== undefined) sent["Content-Type"] = "application/json";
    if (lease) sent["X-Session-Token"] = lease;
    if (this.#token) sent.Authorization = `Token ${this.#token}`;
    const csrf = this.#token || method === "GET" ? null : (this.#csrfToken ?? csrfOfPage(this.base));
    if (csrf) sent["X-CSRFToken"] = csrf;
    const content = body === undefined ? undefined : JSON.stringify(body);
    const silence = new Silence();
    silence.await((content?.length ?? 0) / SLOWEST_UPLOAD_BYTES_PER_MS);
    try {
      const response = await fetch(this.url(path), {
        method,
        headers: sent,
        body: content,
        credentials: this.#token ? "omit" : "same-origin", // cookies are never taken from pages of another origin
        cache: "no-store",
        redirect: "error", // a token goes to the named service only
        signal: AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]),
      });
      this.#learnTime(response);
      const arriving = silence.watched(response);
      if (!response.ok) throw await problemOf(arriving);
      return await read(arriving);
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Unreachable(); // no answer, or cut off half-way
    } finally {
      silence.end();
    }
  }

  /**
   * As {@link call}, again and again while nobody answers or the service is busy. Only for calls that may be sent
   * twice: reads, and appends with an idempotency key.
   * @param {string} method
   * @param {string} path
   * @param {object} options As for {@link call}; its `signal` ends the trying.
   * @throws {Problem} What trying again would not change.
   * @throws {Unreachable} The signal ended it.
   */
  async insist(method, path, options = {}) {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.call(method, path, options);
      } catch (error) {
        if (options.signal?.aborted || !mayPass(error)) throw error;
        await pause(delayMs(tries, error.document?.retry_after_s), options.signal);
        if (options.signal?.aborted) throw error;
      }
    }
  }

  #learnTime(response) {
    const told = Date.parse(response.headers.get("Date") ?? "");
    if (Number.isNaN(told)) return; // another origin that does not show it
    const offset = told + 500 - Date.now();
    this.#offsetMs = Math.abs(offset) < CLOCK_NOISE_MS ? 0 : offset;
  }
}

/** Whether the same call may succeed a moment later. @param {Error} error @returns {boolean} */
export function mayPass(error) {
  return error instanceof Unreachable || (error instanceof Problem && BUSY.has(error.status));
}

/**
 * How long to wait before trying again: longer each time, and not all clients at the same moment.
 * @param {number} tries How many have failed, from 0.
 * @param {number} [atLeastS] What the service asked for, in seconds.
 * @returns {number} Milliseconds.
 */
export function delayMs(tries, atLeastS = 0) {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** tries, LONGEST_DELAY_MS);
  return Math.max(delay * (0.75 + Math.random() / 2), atLeastS * 1000);
}

/**
 * Wait; shorter when the network comes back, or when the signal ends it.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const ended = new AbortController();
    const done = () => {
      clearTimeout(timer);
      ended.abort();
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done, { signal: ended.signal });
    signal?.addEventListener("abort", done, { signal: ended.signal });
  });
}

/** Ends a call of which nothing was heard for too long. */
class Silence {
  #ended = new AbortController();
  #timer = null;

  get signal() {
    return this.#ended.signal;
  }

  /** Something was heard. @param {number} [besidesMs] What the next may take longer. */
  await(besidesMs = 0) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ended.abort(), SILENCE_MS + besidesMs);
  }

  /** The same response, of which each part that arrives was heard. */
  watched(response) {
    this.await();
    if (!response.body || response.status === 204) return response; // browsers differ in which they give
    const parts = new TransformStream({
      transform: (part, controller) => {
        this.await();
        controller.enqueue(part);
      },
    });
    const { status, headers } = response;
    return new Response(response.body.pipeThrough(parts), { status, headers });
  }

  end() {
    clearTimeout(this.#timer);
  }
}

async function problemOf(response) {
  let read = null;
  try {
    read = await response.json();
  } catch {
    // A proxy's page, say. Its text is for nobody.
  }
  const detail = read?.detail || `The service gave an answer that this page does not know (${response.status}).`;
  return new Problem(response.status, { ...read, detail });
}

/** The page's CSRF token, if it has one for this API: another origin's pages have none. */
function csrfOfPage(base) {
  if (base.origin !== location.origin) return null;
  const meta = document.querySelector('meta[name="csrf-token"]');
  if (meta?.content) return meta.content;
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? null;
}
