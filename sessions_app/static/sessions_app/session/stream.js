/**
 * The live stream of one session: connect, lose the connection, wait, connect again.
 * @module
 */

import { delayMs, pause } from "./http.js";

/** Named events of the stream that are annotations of the call. */
const ANNOTATIONS = ["tone", "speaker", "queue", "environ", "scene", "accent", "marker", "transcript", "service"].map(
  (kind) => `${kind}-event`,
);
const LEASE = "lease-event";
/** A stream that was silent for this long may be dead without knowing it (its heartbeats are invisible to pages). */
const SILENCE_MS = 45_000;

/**
 * An EventSource would connect again by itself, but with the address it had: a one-use ticket is used up by then, and
 * it can't tell a session that is over from a network that is away. So this asks before every new connection.
 */
export class EventStream {
  #options;
  #source = null;
  /** Aborted when the stream is stopped; a new one for each start. */
  #running = null;
  #silence = null;

  /**
   * @param {object} options
   * @param {() => Promise<URL>} options.address Where to connect, asked before every connection.
   * @param {() => Promise<boolean>} options.goOn Asked after every loss: whether there is still something to stream.
   * @param {(connected: boolean) => void} options.onConnection
   * @param {(event: any, id: string) => void} options.onAnnotation The id is `epoch:seq`, or empty.
   * @param {(event: any) => void} options.onLease
   * @param {() => Promise<boolean>} options.missed Asked after a long silence: whether something did not arrive.
   */
  constructor(options) {
    this.#options = options;
  }

  get isRunning() {
    return this.#running !== null;
  }

  start() {
    this.stop();
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  async #run(signal) {
    for (let tries = 0; !signal.aborted; tries += 1) {
      const opened = await this.#connectOnce(signal);
      if (signal.aborted) return;
      this.#options.onConnection(false);
      if (opened) tries = 0;
      await pause(delayMs(tries), signal);
      if (signal.aborted || !(await this.#options.goOn())) return;
    }
  }

  /** One connection, until it is lost. Resolves to whether there was one at all. */
  async #connectOnce(signal) {
    let address;
    try {
      address = await this.#options.address();
    } catch {
      return false; // no ticket; whether the session is over is asked next
    }
    if (signal.aborted) return false;
    return new Promise((resolve) => {
      let opened = false;
      const source = new EventSource(address);
      this.#source = source;
      const lost = () => {
        source.close();
        resolve(opened);
      };
      signal.addEventListener("abort", lost, { once: true });
      // A network that is gone may be noticed by nothing else for minutes.
      addEventListener("offline", lost, { signal, once: true });
      source.addEventListener("open", () => {
        opened = true;
        this.#heard(signal);
        if (!signal.aborted) this.#options.onConnection(true);
      });
      source.addEventListener("error", lost);
      for (const name of ANNOTATIONS) this.#listen(source, name, signal, this.#options.onAnnotation);
      this.#listen(source, LEASE, signal, this.#options.onLease);
    });
  }

  #listen(source, name, signal, handle) {
    source.addEventListener(name, (message) => {
      if (signal.aborted) return;
      this.#heard(signal);
      let event;
      try {
        event = JSON.parse(message.data);
      } catch {
        return; // cut off; it comes again with the next connection
      }
      handle({ event_type: name.replace("-event", ""), ...event }, message.lastEventId);
    });
  }

  #heard(signal) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(async () => {
      const missed = await this.#options.missed();
      if (signal.aborted) return;
      if (missed) this.start();
      else this.#heard(signal);
    }, SILENCE_MS);
  }
}
