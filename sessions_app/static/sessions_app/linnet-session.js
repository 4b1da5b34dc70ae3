/**
 * One Linnet session as a page holds it: start or attach, append, follow it live, and let go of it when it is over.
 *
 * `docs/client.md` has examples. No build step and no dependencies: `import { LinnetSession } from "…/linnet-session.js"`.
 * @module
 */

import { Interactions, WakeLock } from "./session/clocks.js";
import { Follower } from "./session/follower.js";
import { Api, mayPass, Problem, Unreachable } from "./session/http.js";
import { Memory } from "./session/memory.js";
import { HELD, STATUS, TAKEN_OVER } from "./session/words.js";
import { freshKey, Writer } from "./session/writer.js";

export { Api, HELD, mayPass, Problem, STATUS, Unreachable };

/**
 * Events (`addEventListener`), each with a `detail`:
 *
 * - `status`: `{status, because}`, one of {@link STATUS}; when over also `{session, closeReason, snapshot}`
 * - `annotation`: one event of the call. Stored ones have a `seq`, and come once and in order
 * - `history`: `{events, resumedFrom, speakers, startedAt, endedAt}`: an earlier session that this one goes on from. One
 *   that can't be read has no events, and `because` and `error` instead of its times
 * - `deadline`: `{expiresAt, hardExpiresAt}` as Date · `notice`: the same and `because`, before the deadline
 * - `lease`: `{held, because}` · `labels`: the speakers' names and colours · `cleared`: nothing is held any more
 */
export class LinnetSession extends EventTarget {
  #api;
  #memory;
  #follower;
  #writer;
  #interactions;
  #wakeLock;

  /** The annotations that the page holds, oldest first. @type {object[]} */
  events = [];
  /** Names and colours by speaker id. @type {Record<string, {name?: string, colour?: string}>} */
  labels = {};
  /** How it ended, as in the `status` event. @type {object|null} */
  ending = null;

  /**
   * @param {object} [options]
   * @param {Api} [options.api] Instead of the next three.
   * @param {string} [options.baseUrl] Default `/api/v1/`.
   * @param {string} [options.token] An API token, for pages of another origin. It is kept in memory only.
   * @param {string} [options.csrfToken]
   * @param {Storage|null} [options.storage] Where the session's id is remembered. Default localStorage; null: nowhere.
   * @param {boolean} [options.wakeLock] Whether to keep the screen on while live. Default true.
   * @param {EventTarget|null} [options.interactionTarget] Where interaction counts. Default the document; null: nowhere.
   */
  constructor({ api, storage, wakeLock = true, interactionTarget = document, ...access } = {}) {
    super();
    this.#api = api ?? new Api(access);
    this.#memory = new Memory(storage);
    this.#wakeLock = wakeLock ? new WakeLock() : null;
    this.#follower = new Follower(this.#api, (name, detail) => this.#told(name, detail));
    this.#writer = new Writer(this.#api, (call) => this.#follower.guarded(call));
    this.#interactions = new Interactions(
      interactionTarget ?? new EventTarget(),
      (occurredAt) => this.touch(new Date(occurredAt)).catch(() => {}), // what is wrong, status and lease say
      () => this.#follower.leftMs / 4,
    );
  }

  /** The session's id, or null. */
  get id() {
    return this.#follower.id ?? this.ending?.session ?? null;
  }

  /** @type {keyof typeof STATUS} */
  get status() {
    return this.#follower.status;
  }

  /** Whether this page may write into the session. */
  get holdsLease() {
    return this.#writer.holds;
  }

  /** The id of the session that a page of this origin had last, to attach to after a reload; or null. */
  get rememberedId() {
    return this.#memory.id;
  }

  /**
   * Start a session; or take over the user's own live one on the same topic.
   * @param {object} [choices] `policy`, `topic`, `stt_active`, and Linnet's settings.
   * @returns {Promise<object>} The service's answer, without the lease's token.
   * @throws {Problem|Unreachable}
   */
  async start(choices = {}) {
    return this.#hold(await this.#api.call("POST", "sessions/", { body: choices }));
  }

  /**
   * Take a session over with a new lease: after a reload, or from another device, which then can't write any more.
   * @param {string|null} [id] Default: the remembered one.
   * @throws {Problem|Unreachable} A 410 when it is over: then the status says so too, and what to resume from.
   */
  async attach(id = this.id ?? this.rememberedId) {
    if (!id) throw new Error("There is no session to attach to.");
    if (id !== this.#follower.id) this.#begin(id);
    return this.#hold(await this.#follower.guarded(this.#api.call("POST", `sessions/${id}/attach/`)));
  }

  /**
   * Follow a session without a lease: nothing is taken over from whoever writes. After {@link suspend} it goes on.
   * @param {string} id
   */
  async watch(id) {
    if (id !== this.#follower.id) this.#begin(id);
    await this.#follower.follow(id);
  }

  /**
   * Close the stream, and keep what came and the lease: a page has few connections, and shows some things and not
   * others. {@link watch} goes on with what was missed.
   */
  suspend() {
    this.#follower.suspend();
  }

  /**
   * Bring an old session back: a new one that shows the earlier history first.
   * @param {string} [snapshot] Default: that of the session that has just ended here.
   * @param {object} [choices] As for {@link start}.
   */
  async resume(snapshot = this.ending?.snapshot?.id, choices = {}) {
    if (!snapshot) throw new Error("Nothing is kept that could be brought back.");
    return this.#hold(await this.#api.call("POST", `snapshots/${snapshot}/import/`, { body: choices }));
  }

  /**
   * Append events. Batches go out one after the other, and each again and again until the service has answered or the
   * session is over; its idempotency key keeps it from being stored twice.
   * @param {object[]} events At most 500.
   * @param {object} [options]
   * @param {string} [options.idempotencyKey] Default: a fresh one.
   * @returns {Promise<object>} `{first_seq, last_seq, accepted, withheld, expires_at}`: they are stored durably.
   * @throws {Problem} The service refuses them. @throws {Unreachable} The session is over, or was cleared, before.
   */
  async append(events, { idempotencyKey = freshKey() } = {}) {
    const answer = await this.#writer.append(events, idempotencyKey, this.#follower.signal);
    this.#follower.setDeadline(answer);
    return answer;
  }

  /**
   * The person did something. It is sent again and again until the service has answered, or the session is over.
   * @param {Date} [occurredAt] When, by this machine's clock. Default: now.
   * @throws {Problem|Unreachable}
   */
  async touch(occurredAt = new Date()) {
    this.#follower.setDeadline(await this.#writer.touch(occurredAt, this.#follower.signal));
  }

  /** Name and colour speakers: merged; null removes. @param {Record<string, object|null>} speakers */
  async label(speakers) {
    const answer = await this.#writer.label(speakers);
    this.#follower.setLabels(answer.speakers);
    return answer.speakers;
  }

  /** End the session now. @returns {Promise<object>} The receipt. */
  async end() {
    const receipt = await this.#writer.end();
    this.#follower.over(receipt, receipt.ended_because);
    return receipt;
  }

  /** Ask how it stands. Reading is no activity. @returns {Promise<boolean>} Whether it goes on. */
  async check() {
    return this.#follower.check();
  }

  /**
   * Clear now: forget everything that this page holds of the session. On the server the session goes on, until it is
   * ended or its deadline comes.
   */
  clear() {
    this.#unremember();
    this.leave();
  }

  /**
   * Let go of what this page holds, and remember the session's id alone: the page goes on without it, or nobody is
   * signed in. {@link attach} takes it up again.
   */
  leave() {
    this.#follower.stop();
    this.#forget();
    this.#follower.say("none");
  }

  async #hold(answer) {
    const { token, ...lease } = answer.lease;
    if (answer.id !== this.#follower.id) this.#begin(answer.id);
    this.#writer.take(answer.id, token, answer.started_at);
    this.#memory.id = answer.id;
    this.#follower.setDeadline(lease);
    this.#tell("lease", { held: true, because: HELD });
    this.#interactions.start();
    await this.#follower.follow(answer.id);
    return { ...answer, lease };
  }

  /** Another session than before. */
  #begin(id) {
    this.#follower.stop();
    this.#forget();
    this.#follower.id = id;
    this.#follower.say("connecting");
  }

  #forget() {
    this.#writer.drop();
    this.#interactions.stop();
    this.#wakeLock?.release();
    this.events = [];
    this.labels = {};
    this.ending = null;
    this.#tell("cleared", {});
  }

  /** The id of another session, which this page may hold by now, stays remembered. */
  #unremember() {
    if (this.id === null || this.id === this.#memory.id) this.#memory.id = null;
  }

  /** What following it has brought. */
  #told(name, detail) {
    if (name === "annotation" && typeof detail.seq === "number") this.events.push(detail);
    if (name === "labels") this.labels = detail;
    if (name === "lost") return this.#lost();
    if (name === "over") {
      this.#forget();
      this.ending = detail;
      this.#unremember();
      return this.#tell("status", detail);
    }
    if (name === "status" && detail.status === "live") this.#wakeLock?.hold();
    if (name === "status" && ["suspended", "signed-out"].includes(detail.status)) this.#wakeLock?.release();
    this.#tell(name, detail);
  }

  #lost() {
    if (!this.#writer.holds) return;
    this.#writer.drop();
    this.#interactions.stop();
    this.#tell("lease", { held: false, because: TAKEN_OVER });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
