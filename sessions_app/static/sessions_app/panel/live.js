/**
 * One live session: its two clocks, its events as they come, and a way to end it.
 * @module
 */

import { HELD, LinnetSession, Problem } from "../linnet-session.js";
import { ConnectionLines } from "./connection.js";
import { actions, button, el, freshId, isolated } from "./dom.js";
import { askToEnd } from "./ending.js";
import { EventLog } from "./log.js";
import { renameSpeakers } from "./speakers.js";
import { StreamClaim, WISH } from "./streams.js";
import { speakersOf } from "./timeline.js";
import { counted, momentText, plain, sentence, time, titleOf } from "./words.js";

const ONLY_SHOWN = "This page only shows the session; it can end it, and change nothing else in it.";
const NAMED_LATER = "Once it has closed, its speakers can be named under “Last sessions”.";

const OVER_HERE = "This session is over on this page. Its speakers can be named under “Last sessions”.";
const OVER = "This session is over, and nothing is kept of it.";

/** A card in the panel. It follows its session until that is over; then the panel shows the receipt in its place. */
export class LiveCard {
  #host;
  #parts;
  #data = null;
  #ended = false;
  #exact = false;
  #log;
  #claim;
  #connection = new ConnectionLines();
  /** Whether the person wants to see the events of an ephemeral session. */
  #isAsked = false;
  /** Once it is over: what is kept of it, as far as is known, and when that is shown. */
  #ending = null;

  /**
   * @param {object} host What the panel lends to its parts.
   * @param {LinnetSession} [session] One that this page holds, or will hold. Default: it only watches.
   */
  constructor(host, session = null) {
    this.#host = host;
    this.session = session ?? new LinnetSession({ api: host.api, storage: null, wakeLock: false, interactionTarget: null });
    this.#build();
    this.#listen();
  }

  /** @param {object} data As the panel's call gives it. */
  update(data) {
    this.#data = data;
    this.#showTitle();
    this.#showClocks();
    this.#showStream();
    this.#showHolder();
    this.#parts.count.textContent = this.#counted();
  }

  #showClocks() {
    const { started_at: started, clocks: { idle, hard } } = this.#data;
    const clock = (name, { at, because }) => [el("dt", {}, name), el("dd", {}, time(at), el("span", {}, sentence(because)))];
    replaceIfChanged(this.#parts.facts, [
      el("dt", {}, "Started"), el("dd", {}, time(started)),
      ...clock("Ends if nothing happens", idle),
      ...clock("Ends in any case", hard),
    ]);
  }

  /** Follow it without holding it, while there is a stream for it. */
  watch() {
    this.#claim.look();
    this.#follow();
  }

  /** By a stream while the claim to one is granted; otherwise what the panel's call tells has to do. */
  #follow() {
    const { state } = this.#claim;
    if (state !== "granted") this.session.suspend();
    else if (["none", "suspended"].includes(this.session.status)) {
      this.session.watch(this.#data.id).catch(() => {}); // its own status says so
    }
  }

  /**
   * An ephemeral session lives as long as somebody is connected, and a page that streams it is: looking at the settings
   * must not keep it alive unasked, so there the person decides.
   */
  #wish(isOnScreen) {
    if (this.session.holdsLease || (this.#isEphemeral && this.#isAsked)) return WISH.held;
    if (!this.#data || this.#isEphemeral || !this.#parts.events.open) return WISH.none;
    return isOnScreen ? WISH.onScreen : WISH.unfolded;
  }

  get #isEphemeral() {
    return this.#data?.policy === "ephemeral";
  }

  #ask() {
    this.#isAsked = true;
    this.#parts.events.open = true;
    this.#claim.look({ first: true });
    this.#log.element.focus();
  }

  /** What is folded away is not asked for any more. */
  #folded() {
    if (!this.#parts.events.open) this.#isAsked = false;
    this.#claim.look();
  }

  /** It is in no list of live sessions any more. */
  gone() {
    if (this.session.id) this.session.check();
    else this.#over({ because: "This session is over.", session: this.#data.id });
  }

  /** It is on the page from now on: the newest line is what is seen first. */
  shown() {
    this.#log.toEnd();
  }

  /** It is not shown any more. The page still remembers what it held. */
  remove() {
    this.#claim.end();
    this.session.leave();
    this.element.remove();
  }

  /** What it is called, without the seconds. */
  get title() {
    return plain(titleOf(this.#data));
  }

  get exact() {
    return this.#exact;
  }

  /** @param {boolean} exact Whether the title tells the seconds, because others have the same without them. */
  set exact(exact) {
    this.#exact = exact;
    this.#showTitle();
  }

  /** Say something about it, in it. */
  tell(text) {
    this.#parts.trouble.textContent = text;
  }

  focus() {
    this.#parts.title.focus();
  }

  #build() {
    const titleId = freshId("live");
    const regionId = freshId("events");
    const title = el("h3", { id: titleId, tabindex: "-1" }, "Session");
    this.#log = new EventLog({
      labelledBy: `${regionId} ${titleId}`,
      labels: () => this.session.labels,
      onDrawn: () => (this.#parts.count.textContent = this.#counted()),
      afterwards: () => (this.#data?.policy === "pinned" ? "; the timeline has them after the session has closed" : ""),
    });
    const parts = {
      title,
      facts: el("dl", { class: "clocks" }),
      held: el("p", { class: "held" }),
      notice: el("p", { class: "trouble", role: "status" }),
      count: el("p", { class: "count" }),
      trouble: el("p", { class: "trouble", role: "status" }),
      show: button("Show its events", () => this.#ask(), { hidden: true }),
      rename: button("Name the speakers…", () => this.#rename(), { hidden: true }),
    };
    parts.events = el(
      "details",
      { open: true, ontoggle: () => this.#folded() },
      el("summary", { id: regionId }, "Events as they arrive"),
      parts.count,
      this.#log.element,
    );
    this.#parts = parts;
    this.element = el(
      "article",
      { class: "card live", "aria-labelledby": titleId },
      title,
      parts.facts,
      parts.notice,
      parts.held,
      this.#connection.elements,
      parts.events,
      actions(titleId, parts.show, parts.rename, button("End this session…", () => this.#end())),
      parts.trouble,
    );
    this.#claim = new StreamClaim(this.#log.element, {
      wishOf: (isOnScreen) => this.#wish(isOnScreen),
      onChange: () => {
        this.#follow();
        this.#showStream();
      },
    });
  }

  #listen() {
    const on = (name, handle) => this.session.addEventListener(name, ({ detail }) => handle(detail));
    on("status", (detail) => (detail.status === "over" ? this.#over(detail) : this.#showConnection(detail)));
    on("annotation", (event) => this.#arrived(event));
    on("history", (detail) => this.#log.addEarlier(detail));
    on("lease", ({ held, because }) => {
      this.#showHolder(because);
      this.#claim.look({ first: held });
    });
    on("deadline", ({ expiresAt }) => {
      this.#parts.notice.textContent = "";
      this.#moveIdleClock(expiresAt);
    });
    on("notice", ({ expiresAt, because }) => {
      this.#parts.notice.textContent = `This session is about to close: on ${momentText(expiresAt)}. ${because}`;
    });
    on("labels", () => this.#log.rename());
  }

  #showTitle() {
    replaceIfChanged(this.#parts.title, titleOf(this.#data, { exact: this.#exact }));
  }

  #showConnection(detail) {
    // Why there is no stream, the claim to one says.
    if (!["none", "suspended"].includes(detail.status)) this.#connection.show(detail);
  }

  #showStream() {
    const { state } = this.#claim;
    const why = { isUnasked: this.#isEphemeral && state !== "granted", isWaiting: state === "waiting" };
    this.#parts.show.hidden = !why.isUnasked && !why.isWaiting;
    if (state !== "granted" && this.session.status !== "connecting") this.#connection.showWhyNot(why);
  }

  #showHolder(because = this.#parts.held.textContent) {
    const { holdsLease } = this.session;
    this.#parts.rename.hidden = !holdsLease;
    this.#parts.held.textContent = because || (holdsLease ? HELD : [ONLY_SHOWN, this.#data.policy === "pinned" && NAMED_LATER].filter(Boolean).join(" "));
  }

  /** While the deadline is not the last possible one, it is that of the idle clock. */
  #moveIdleClock(expiresAt) {
    const { clocks } = this.#data ?? {};
    if (!clocks || expiresAt >= new Date(clocks.hard.at)) return;
    this.#data = { ...this.#data, clocks: { ...clocks, idle: { ...clocks.idle, at: expiresAt } } };
    this.#showClocks();
  }

  #counted() {
    return `${counted(Math.max(this.session.events.length, this.#data?.events ?? 0), "event")} so far in this session.`;
  }

  #arrived(event) {
    if (event.event_type === "service") this.#connection.showAnnotator(event.detail ?? "");
    else this.#log.add(event);
  }

  async #rename() {
    const speakers = [...new Set([...this.#log.speakers, ...speakersOf(this.session.events, this.session.labels)])];
    if (!speakers.length) {
      this.#parts.trouble.textContent = "Nobody has spoken yet. As soon as somebody has, they can be named here.";
      return;
    }
    const store = (changes) => this.#storeNames(changes);
    if (await renameSpeakers(this.#host.root, { speakers, labels: this.session.labels, store })) {
      if (!this.#ending) return this.tell("The names are saved.");
      await this.#ending.shown;
      this.#host.announce(`${this.title} closed meanwhile. The names are saved with what is kept of it.`);
    }
  }

  /** The session may close before the names are sent: then they are for what is kept of it. */
  async #storeNames(speakers) {
    try {
      if (!this.#ending) return await this.session.label(speakers);
    } catch (error) {
      if (!this.#ending) throw error;
    }
    const { snapshot } = this.#ending;
    if (!snapshot) throw new Problem(410, { detail: this.#data.policy === "pinned" ? OVER_HERE : OVER });
    await this.#host.api.call("PATCH", `snapshots/${snapshot.id}/speakers/`, { body: { speakers } });
    this.#host.refreshSoon();
  }

  // --- the end --------------------------------------------------------------------------------------

  async #end() {
    const receipt = await askToEnd(this.#host.root, { policy: this.#data.policy, end: () => this.#endNow() });
    if (receipt) this.#leaveReceipt(receipt.session, { receipt, because: receipt.ended_because, focus: true });
  }

  /** Ending needs the lease. One that this page does not hold is taken over for it. */
  async #endNow() {
    if (this.session.holdsLease) return this.session.end();
    const { api } = this.#host;
    const own = `sessions/${this.#data.id}/`;
    const { lease } = await api.call("POST", `${own}attach/`);
    return api.call("POST", `${own}end/`, { lease: lease.token });
  }

  #over(detail) {
    this.#ending ??= { snapshot: detail.snapshot, shown: this.#showReceipt(detail) };
  }

  async #showReceipt({ because, session, snapshot }) {
    let receipt = null;
    try {
      if (session) receipt = await this.#host.api.call("GET", `sessions/${session}/receipt/`);
    } catch {
      // It can't be saved yet, or nobody answers: the sentence alone has to do.
    }
    this.#leaveReceipt(session, { receipt, because, snapshot });
  }

  #leaveReceipt(session, about) {
    if (!this.#ended) this.session.clear();
    this.#ended = true;
    this.#host.ended(this, { session, live: this.#data, ...about });
  }
}

function replaceIfChanged(element, children) {
  const made = el("div", {}, children);
  if (made.textContent !== element.textContent) element.replaceChildren(...made.childNodes);
}
