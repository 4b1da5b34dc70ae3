/**
 * Following one session: what it is, what comes, when it is over. Needs no lease, and takes nothing over.
 * @module
 */

import { Deadline, watchPage } from "./clocks.js";
import { mayPass, Problem, Unreachable } from "./http.js";
import { EventStream } from "./stream.js";
import { ABOUT_TO_CLOSE, STATUS, statusText, TIMED_OUT_ALONE } from "./words.js";

/** A loss that is over sooner is not worth a word, in milliseconds. */
const AWAY_MS = 5_000;
/** A deadline that is asked about takes no longer than this, in milliseconds: then the page decides alone. */
const LAST_QUESTION_MS = 4_000;

/** Follows from {@link follow} until it is over or {@link stop} is called; then it can follow another. */
export class Follower {
  #api;
  #tell;
  #stream;
  #deadline;
  #ended = new AbortController();
  #listening = null;
  #lastId = "";
  #lastSeq = 0;
  #earlier = new Set();
  #labels = "";
  #policy = "";
  #isSuspended = false;
  #away = null;

  /** @type {string|null} */
  id = null;
  /** @type {keyof typeof STATUS} */
  status = "none";

  /**
   * @param {import("./http.js").Api} api
   * @param {(name: string, detail: object) => void} tell Gets the events that `LinnetSession` documents; and `over` with
   *     what the service told about the end.
   */
  constructor(api, tell) {
    this.#api = api;
    this.#tell = tell;
    this.#deadline = new Deadline(() => api.serverNow(), () => this.#timeIsUp());
    this.#stream = new EventStream({
      address: () => this.#streamAddress(),
      goOn: () => this.check(),
      onConnection: (connected) => (connected ? this.say("live") : this.#lost()),
      onAnnotation: (event, id) => this.#take(event, id),
      onLease: (event) => this.#leaseEvent(event),
      missed: async () => (await this.#read().catch(() => null))?.events > this.#lastSeq,
    });
  }

  /** Aborted when this session is no longer followed. */
  get signal() {
    return this.#ended.signal;
  }

  /** How long is left, in milliseconds. */
  get leftMs() {
    return this.#deadline.at - this.#api.serverNow();
  }

  /** Read what there is, then stream what comes. A page in the background only remembers. */
  async follow(id) {
    this.id = id;
    this.#isSuspended = false;
    const { signal } = this;
    if (this.#listening !== signal) {
      this.#listening = signal;
      watchPage({ hidden: () => this.#hidden(), visible: () => this.#visible() }, signal);
    }
    this.say("connecting");
    const detail = await this.#read().catch((error) => {
      if (!mayPass(error)) throw error;
      this.#lost();
      return this.#read({ signal }, "insist");
    });
    if (!detail || signal.aborted) return;
    for (const link of detail.resumed_from) await this.#readEarlier(link, signal);
    if (signal.aborted || this.#isSuspended) return;
    if (document.visibilityState === "visible") this.#stream.start();
    else this.say("hidden");
  }

  /** Close the stream and keep what has come. {@link follow} goes on from there. */
  suspend() {
    if (!this.#isFollowing) return;
    this.#isSuspended = true;
    this.#stream.stop();
    this.say("suspended");
  }

  /** Forget the session that was followed. */
  stop() {
    this.#stream.stop();
    this.#isSuspended = false;
    clearTimeout(this.#away);
    this.#away = null;
    this.#deadline.set(null);
    this.#ended.abort();
    this.#ended = new AbortController();
    this.#lastId = this.#labels = this.#policy = "";
    this.#lastSeq = 0;
    this.#earlier.clear();
    this.id = null;
  }

  /**
   * Ask how it stands. Reading is no activity.
   * @returns {Promise<boolean>} Whether to go on: false when it is over, or nobody is signed in.
   */
  async check() {
    if (!this.id || this.status === "over") return false;
    try {
      return (await this.#read()) !== null;
    } catch (error) {
      if (!(error instanceof Unreachable) && !(error instanceof Problem)) throw error;
      if (this.status === "over" || this.status === "signed-out") return false;
      if (!this.#deadline.isPast) this.#lost();
      else this.over({}, TIMED_OUT_ALONE);
      return this.status !== "over";
    }
  }

  /** What a refusal says about the session is taken note of; then it is passed on. */
  async guarded(call) {
    const { signal } = this;
    try {
      return await call;
    } catch (error) {
      if (error instanceof Problem && !signal.aborted) this.#refused(error);
      throw error;
    }
  }

  #refused({ status, code, detail, document: problem }) {
    if (status === 410 || code === "E-SESSION-002") this.over(problem, problem.ended_because ?? detail);
    else if (code === "E-SESSION-003") this.#tell("lost", {});
    else if (status === 401) {
      this.#stream.stop();
      this.say("signed-out");
    }
  }

  setDeadline(told) {
    if (!told.expires_at) return;
    const deadline = datesOf(told);
    if (deadline.expiresAt.getTime() === this.#deadline.at) return;
    this.#deadline.set(deadline.expiresAt.getTime());
    this.#tell("deadline", deadline);
  }

  setLabels(labels) {
    if (JSON.stringify(labels) === this.#labels) return;
    this.#labels = JSON.stringify(labels);
    this.#tell("labels", labels);
  }

  say(status) {
    clearTimeout(this.#away);
    this.#away = null;
    if (this.status === status) return;
    this.status = status;
    this.#tell("status", { status, because: statusText(status, this.#policy) });
  }

  /** What is suspended has no connection to lose. */
  #lost() {
    if (this.status !== "offline" && !this.#isSuspended) this.#away ??= setTimeout(() => this.say("offline"), AWAY_MS);
  }

  over(told, because) {
    if (this.status === "over") return;
    this.status = "over";
    const { close_reason: closeReason = null, snapshot = null } = told;
    const session = this.id;
    this.stop();
    this.#tell("over", { status: "over", because, session, closeReason, snapshot });
  }

  async #readEarlier(link, signal) {
    if (this.#earlier.has(link.snapshot)) return;
    this.#earlier.add(link.snapshot);
    try {
      const earlier = await this.#api.call("GET", link.content_url, { signal });
      const { events, speakers, started_at: startedAt, ended_at: endedAt } = earlier;
      if (!signal.aborted) this.#tell("history", { events, speakers, startedAt, endedAt, resumedFrom: link });
    } catch (error) {
      // Deleted meanwhile, or away: the session itself goes on all the same.
      const because = error.detail ?? error.message;
      if (!signal.aborted) this.#tell("history", { events: [], speakers: {}, resumedFrom: link, because, error });
    }
  }

  async #streamAddress() {
    const url = this.#api.url(`sessions/${this.id}/stream/`);
    if (this.#lastId) url.searchParams.set("last_event_id", this.#lastId);
    if (this.#api.usesToken) {
      const { ticket } = await this.#api.call("POST", `sessions/${this.id}/tickets/`);
      url.searchParams.set("ticket", ticket);
    }
    return url;
  }

  /** The session's detail; null when it is over. */
  async #read(options = {}, how = "call") {
    const { signal } = this;
    const detail = await this.guarded(this.#api[how]("GET", `sessions/${this.id}/`, options));
    if (signal.aborted) return null;
    if (detail.state === "closed" || !detail.clocks) {
      this.over(detail, detail.ended_because ?? STATUS.over);
      return null;
    }
    this.#policy = detail.policy;
    this.setDeadline({ expires_at: detail.clocks.expires_at, hard_expires_at: detail.clocks.hard.at });
    this.setLabels(detail.labels);
    return detail;
  }

  /** By our own timer. The service may know of activity elsewhere; if it does not answer, the page decides alone. */
  async #timeIsUp() {
    const { signal } = this;
    try {
      const detail = await this.#read({ signal: AbortSignal.timeout(LAST_QUESTION_MS) });
      if (detail && this.#deadline.isPast) this.over(detail, STATUS.over);
    } catch {
      if (!signal.aborted) this.over({}, TIMED_OUT_ALONE);
    }
  }

  get #isFollowing() {
    return this.id !== null && !["none", "over", "signed-out"].includes(this.status);
  }

  #hidden() {
    if (!this.#isFollowing || this.#isSuspended) return;
    this.#stream.stop();
    this.say("hidden");
  }

  /** The timers of a page that was asleep are late, so look before anything is shown as live. */
  async #visible() {
    if (!this.#isFollowing) return;
    if (this.#isSuspended) return void this.check();
    this.say("connecting");
    if ((await this.check()) && document.visibilityState === "visible") this.#stream.start();
  }

  /** Whether it is stored and had not come before: what is live only may be told again by each connection. */
  #take(event, id) {
    if (id) this.#lastId = id;
    const isStored = typeof event.seq === "number";
    if (isStored) {
      if (event.seq <= this.#lastSeq) return false;
      this.#lastSeq = event.seq;
    }
    this.#tell("annotation", event);
    return isStored;
  }

  #leaseEvent(event) {
    if (event.event === "end") return this.over(event, event.ended_because ?? STATUS.over);
    // "closed": the stream ends, and perhaps only the stream. It is asked how the session stands when it has.
    this.setDeadline(event);
    const because = ABOUT_TO_CLOSE[event.reason_at_deadline] ?? "";
    if (event.event === "notice") this.#tell("notice", { ...datesOf(event), because });
  }
}

function datesOf({ expires_at: expiresAt, hard_expires_at: hardExpiresAt }) {
  return { expiresAt: new Date(expiresAt), hardExpiresAt: hardExpiresAt ? new Date(hardExpiresAt) : null };
}
