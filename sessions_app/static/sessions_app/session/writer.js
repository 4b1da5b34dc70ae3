/**
 * Writing into a live session, as the holder of its lease.
 * @module
 */

/** The lease's token stays in here, in memory. */
export class Writer {
  #api;
  #guarded;
  #token = null;
  #path = "";
  #startedAt = 0;
  #sending = Promise.resolve();

  /**
   * @param {import("./http.js").Api} api
   * @param {<T>(call: Promise<T>) => Promise<T>} guarded Looks at what a call is refused with, and passes it on.
   */
  constructor(api, guarded) {
    this.#api = api;
    this.#guarded = guarded;
  }

  get holds() {
    return this.#token !== null;
  }

  /**
   * @param {string} id The session's.
   * @param {string|null} token Null: the one that is held stays valid.
   * @param {string} startedAt When the session began.
   */
  take(id, token, startedAt) {
    this.#path = `sessions/${id}/`;
    this.#token = token ?? this.#token;
    this.#startedAt = Date.parse(startedAt) + 1; // the service counts in smaller parts than milliseconds
  }

  drop() {
    this.#token = null;
  }

  /**
   * One batch after the other, each again and again until the service has answered: its idempotency key keeps it from
   * being stored twice.
   * @param {object[]} events
   * @param {string} idempotencyKey
   * @param {AbortSignal} signal Ends the trying.
   */
  append(events, idempotencyKey, signal) {
    const headers = { "Idempotency-Key": idempotencyKey };
    const send = () => {
      const options = { body: { events }, headers, lease: this.#token, signal };
      return this.#guarded(this.#api.insist("POST", `${this.#path}events/`, options));
    };
    const sent = this.#sending.then(send);
    this.#sending = sent.catch(() => {});
    return sent;
  }

  /**
   * Again and again until the service has answered: the later it arrives, the more it matters when it was.
   * @param {Date} occurredAt By this machine's clock; sent in the server's time.
   * @param {AbortSignal} signal Ends the trying.
   */
  touch(occurredAt, signal) {
    // The server's time is known to a second: nothing that was done here was done before the start.
    const occurred = Math.max(occurredAt.getTime() + (this.#api.serverNow() - Date.now()), this.#startedAt);
    const options = { body: { occurred_at: new Date(occurred).toISOString() }, lease: this.#token, signal };
    return this.#guarded(this.#api.insist("POST", `${this.#path}touch/`, options));
  }

  label(speakers) {
    return this.#once("PATCH", "speakers/", { speakers });
  }

  end() {
    return this.#once("POST", "end/");
  }

  #once(method, path, body) {
    return this.#guarded(this.#api.call(method, this.#path + path, { body, lease: this.#token }));
  }
}

/** Not randomUUID: browsers give that to secure origins only, and a home server in the next room is none. */
export function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
