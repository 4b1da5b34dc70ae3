/**
 * What the page itself does as time passes: it notices its own deadline, real interaction, and keeps the screen on.
 * @module
 */

/** Timers of a sleeping machine are late, and browsers can't count beyond 24 days: look again at least this often. */
const LONGEST_WAIT_MS = 30_000;
/** The deadline is the server's to call; this much later nobody disputes it. */
const GRACE_MS = 300;
/** A touch that carries nothing new is not worth a write more often than this. */
const TOUCH_EVERY_MS = 60_000;

/** Calls back once the server's time is past the deadline. */
export class Deadline {
  #serverNow;
  #onDue;
  #timer = null;
  /** @type {number|null} Milliseconds since 1970, in the server's time. */
  at = null;

  /**
   * @param {() => number} serverNow
   * @param {() => void} onDue
   */
  constructor(serverNow, onDue) {
    this.#serverNow = serverNow;
    this.#onDue = onDue;
  }

  /** @param {number|null} at Null: there is none any more. */
  set(at) {
    this.at = at;
    this.#wait();
  }

  get isPast() {
    return this.at !== null && this.#serverNow() >= this.at;
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.at === null) return;
    const left = this.at + GRACE_MS - this.#serverNow();
    this.#timer = setTimeout(() => (left <= LONGEST_WAIT_MS ? this.#due() : this.#wait()), clamp(left));
  }

  #due() {
    if (this.isPast) this.#onDue();
    else this.#wait(); // the clock was set meanwhile
  }
}

function clamp(ms) {
  return Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}

/**
 * Tells of real interaction with the page, at once and then at most once in a while, always with the time it occurred.
 * Only what a person does counts: events made by scripts are not trusted ones.
 */
export class Interactions {
  #target;
  #report;
  #everyMs;
  #ended = null;
  #timer = null;
  #reportedAt = -Infinity;
  #isReporting = false;
  /** @type {number|null} */
  #latest = null;

  /**
   * @param {EventTarget} target What is listened on.
   * @param {(occurredAt: number) => Promise<void>} report Gets the time, in milliseconds since 1970 by this machine's
   *     clock. What occurs before it resolves is told after that.
   * @param {() => number} everyMs At most how often, as of now; a minute is the longest.
   */
  constructor(target, report, everyMs) {
    this.#target = target;
    this.#report = report;
    this.#everyMs = everyMs;
  }

  start() {
    if (this.#ended) return;
    this.#ended = new AbortController();
    const options = { signal: this.#ended.signal, passive: true, capture: true };
    for (const kind of ["pointerdown", "keydown"]) {
      this.#target.addEventListener(kind, (event) => event.isTrusted && this.#noticed(), options);
    }
  }

  stop() {
    this.#ended?.abort();
    this.#ended = null;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#latest = null;
  }

  #noticed() {
    this.#latest = Date.now();
    if (this.#timer === null && !this.#isReporting) this.#wait();
  }

  #wait() {
    const wait = this.#reportedAt + Math.min(this.#everyMs(), TOUCH_EVERY_MS) - Date.now();
    if (wait <= 0) this.#tell();
    else this.#timer = setTimeout(() => this.#tell(), wait);
  }

  async #tell() {
    const occurredAt = this.#latest;
    this.#timer = this.#latest = null;
    this.#reportedAt = Date.now();
    this.#isReporting = true;
    await this.#report(occurredAt);
    this.#isReporting = false;
    if (this.#latest !== null) this.#wait();
  }
}

/** Keeps the screen on while it is held, where the browser can. Where it can't, nothing is different. */
export class WakeLock {
  #lock = null;
  #isWanted = false;
  #isAsked = false;

  async hold() {
    this.#isWanted = true;
    if (this.#lock || this.#isAsked || document.visibilityState !== "visible") return;
    this.#isAsked = true;
    try {
      this.#lock = await navigator.wakeLock.request("screen");
      // The browser takes it back when the page is hidden.
      this.#lock.addEventListener("release", () => (this.#lock = null));
    } catch {
      // Not there, not allowed, or the battery is low.
    }
    this.#isAsked = false;
    if (!this.#isWanted) this.release();
  }

  release() {
    this.#isWanted = false;
    this.#lock?.release().catch(() => {});
    this.#lock = null;
  }
}

/** Tells when the page goes into the background and when it comes back, until the signal ends it. */
export function watchPage({ hidden, visible }, signal) {
  const look = () => (document.visibilityState === "visible" ? visible() : hidden());
  document.addEventListener("visibilitychange", look, { signal });
  // A page that is left may be kept as it is, and be shown again later.
  addEventListener("pagehide", hidden, { signal });
  addEventListener("pageshow", (event) => event.persisted && look(), { signal });
}
