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
/** A connection that is lost sooner, and brought nothing new, is a failed one: the waits go on growing. */
const STEADY_MS = 10_000;

/**
 * An EventSource would connect again by itself, but with the address it had: a one-use ticket is used up by then, and
 * it can't tell a session that is over from a network that is away. So this asks before every new connection.
 */
export class EventStream {
  #options;
  /** Aborted when the stream is stopped; a new one for each start. */
  #running = null;

  /**
   * @param {object} options
   * @param {() => Promise<URL>} options.address Where to connect, asked before every connection.
   * @param {() => Promise<boolean>} options.goOn Asked after every loss: whether there is still something to stream.
   * @param {(connected: boolean) => void} options.onConnection
   * @param {(event: any, id: string) => boolean} options.onAnnotation The id is `epoch:seq`, or empty. Whether it is
   *     one that had not come before.
   * @param {(event: any) => void} options.onLease
   * @param {() => Promise<boolean>} options.missed Asked after a long silence: whether something did not arrive.
   */
  constructor(options) {
    this.#options = options;
  }

  start() {
    this.stop();
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
  }

  async #run(signal) {
    let isDoubtful = false;
    for (let tries = 0; ; tries += 1) {
      // Without a ticket there is no address; whether the session is over is asked next.
      const address = await this.#options.address().catch(() => null);
      if (signal.aborted) return;
      const connection = new Connection(this.#options, isDoubtful);
      if (address) await connection.run(address, signal);
      if (signal.aborted) return;
      this.#options.onConnection(false);
      isDoubtful = connection.wasOpen && !connection.isSteady;
      if (connection.isSteady) tries = 0;
      await pause(delayMs(tries), signal);
      if (signal.aborted || !(await this.#options.goOn()) || signal.aborted) return;
    }
  }
}

/** One connection, until it is lost. */
class Connection {
  #options;
  #isDoubtful;
  #source = null;
  #ended = new AbortController();
  #silence = null;
  #steadiness = null;

  wasOpen = false;
  /** Whether it lasted, or brought something new. */
  isSteady = false;

  /**
   * @param {object} options As for {@link EventStream}.
   * @param {boolean} isDoubtful The one before was lost at once: that there is one is told when it is steady.
   */
  constructor(options, isDoubtful) {
    this.#options = options;
    this.#isDoubtful = isDoubtful;
  }

  /** @param {URL} address @param {AbortSignal} signal Ends it. @returns {Promise<void>} When it is lost. */
  run(address, signal) {
    return new Promise((resolve) => {
      const ended = { signal: this.#ended.signal };
      const lost = () => this.#lost();
      ended.signal.addEventListener("abort", () => resolve());
      signal.addEventListener("abort", lost, ended);
      // A network that is gone may be noticed by nothing else for minutes.
      addEventListener("offline", lost, ended);
      this.#source = new EventSource(address);
      this.#source.addEventListener("error", lost);
      this.#source.addEventListener("open", () => this.#opened());
      for (const name of ANNOTATIONS) {
        this.#listen(name, (event, id) => this.#options.onAnnotation(event, id) && this.#steady());
      }
      this.#listen(LEASE, this.#options.onLease);
    });
  }

  #listen(name, handle) {
    this.#source.addEventListener(name, (message) => {
      if (this.#ended.signal.aborted) return;
      this.#heard();
      let event;
      try {
        event = JSON.parse(message.data);
      } catch {
        return; // cut off; it comes again with the next connection
      }
      handle({ event_type: name.replace("-event", ""), ...event }, message.lastEventId);
    });
  }

  #opened() {
    this.wasOpen = true;
    this.#steadiness = setTimeout(() => this.#steady(), STEADY_MS);
    this.#heard();
    if (!this.#isDoubtful) this.#options.onConnection(true);
  }

  #steady() {
    if (this.isSteady) return;
    this.isSteady = true;
    if (this.#isDoubtful && !this.#ended.signal.aborted) this.#options.onConnection(true);
  }

  #heard() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(async () => {
      const missed = await this.#options.missed();
      if (this.#ended.signal.aborted) return;
      if (missed) this.#lost();
      else this.#heard();
    }, SILENCE_MS);
  }

  #lost() {
    this.#source.close();
    clearTimeout(this.#silence);
    clearTimeout(this.#steadiness);
    this.#ended.abort();
  }
}
