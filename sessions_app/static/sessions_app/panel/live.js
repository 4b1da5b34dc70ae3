/**
 * One live session: its two clocks, its events as they come, and a way to end it.
 * @module
 */

import { HELD, LinnetSession, Problem } from "../linnet-session.js";
import { ask } from "./dialogs.js";
import { actions, button, el, freshId, isolated } from "./dom.js";
import { EventLog } from "./log.js";
import { renameSpeakers } from "./speakers.js";
import { speakersOf } from "./timeline.js";
import { counted, momentText, sentence, time, troubleText } from "./words.js";

const UNWATCHED =
  "Its events are not shown yet. A page that shows them counts as connected, and an ephemeral session does not close " +
  "while somebody is connected to it.";

/** A card in the panel. It follows its session until that is over; then the panel shows the receipt in its place. */
export class LiveCard {
  #host;
  #parts;
  #data = null;
  #ended = false;
  #exact = false;
  #log;

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
    const { title, facts, count } = this.#parts;
    title.replaceChildren(...this.#title());
    const { idle, hard } = data.clocks;
    const clock = (name, { at, because }) => [el("dt", {}, name), el("dd", {}, time(at), el("span", {}, sentence(because)))];
    replaceIfChanged(facts, [
      el("dt", {}, "Started"), el("dd", {}, time(data.started_at)),
      ...clock("Ends if nothing happens", idle),
      ...clock("Ends in any case", hard),
    ]);
    count.textContent = this.#counted();
  }

  /**
   * Show what comes. An ephemeral session lives as long as somebody is connected, and a page that streams it is: looking
   * at the settings must not keep it alive unasked, so there the person decides.
   */
  watch() {
    if (this.#data.policy === "ephemeral") {
      this.#parts.connection.textContent = UNWATCHED;
      this.#parts.show.hidden = false;
    } else this.#watchNow();
  }

  #watchNow() {
    this.#parts.show.hidden = true;
    return this.session.watch(this.#data.id).catch(() => {}); // its own status says so
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
    this.session.leave();
    this.element.remove();
  }

  /** What it is called, without the seconds. */
  get title() {
    return this.#title({ exact: false }).map((part) => part.textContent ?? part).join("");
  }

  get exact() {
    return this.#exact;
  }

  /** @param {boolean} exact Whether the title tells the seconds, because others have the same without them. */
  set exact(exact) {
    this.#exact = exact;
    this.#parts.title.replaceChildren(...this.#title());
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
      labelledBy: regionId,
      labels: () => this.session.labels,
      onDrawn: () => (this.#parts.count.textContent = this.#counted()),
    });
    const parts = {
      title,
      facts: el("dl", { class: "clocks" }),
      connection: el("p", { class: "connection", role: "status" }),
      held: el("p", { class: "held" }),
      notice: el("p", { class: "trouble", role: "status" }),
      count: el("p", { class: "count" }),
      trouble: el("p", { class: "trouble", role: "status" }),
      show: button("Show its events", () => this.#watchNow(), { hidden: true }),
      rename: button("Name the speakers…", () => this.#rename(), { hidden: true }),
    };
    this.#parts = parts;
    this.element = el(
      "article",
      { class: "card live", "aria-labelledby": titleId },
      title,
      parts.facts,
      parts.notice,
      parts.held,
      parts.connection,
      el("details", { open: true }, el("summary", { id: regionId }, "Events as they arrive"), parts.count, this.#log.element),
      actions(titleId, parts.show, parts.rename, button("End this session…", () => this.#end())),
      parts.trouble,
    );
    this.#say();
  }

  #listen() {
    const on = (name, handle) => this.session.addEventListener(name, ({ detail }) => handle(detail));
    on("status", (detail) => (detail.status === "over" ? this.#over(detail) : this.#say(detail.because)));
    on("annotation", (event) => this.#arrived(event));
    on("history", (detail) => this.#log.addEarlier(detail));
    on("lease", ({ because }) => this.#say(this.#parts.connection.textContent, because));
    on("deadline", () => {
      this.#parts.notice.textContent = "";
      this.#host.refreshSoon();
    });
    on("notice", ({ expiresAt, because }) => {
      this.#parts.notice.textContent = `This session is about to close: on ${momentText(expiresAt)}. ${because}`;
    });
    on("labels", () => this.#log.rename());
  }

  #title({ exact = this.#exact } = {}) {
    if (!this.#data) return ["Session"];
    const { topic, started_at: started } = this.#data;
    return topic ? ["Session ", isolated(`“${topic}”`)] : [`Session of ${momentText(started, { exact })}`];
  }

  #say(connection = "Connecting to the session.", lease = "") {
    this.#parts.connection.textContent = connection;
    this.#parts.rename.hidden = !this.session.holdsLease;
    this.#parts.held.textContent =
      lease ||
      (this.session.holdsLease
        ? HELD
        : "Another device or page holds this session; here you only see it. Once it has closed, its speakers can be named under “Last sessions”.");
  }

  #counted() {
    return `${counted(Math.max(this.session.events.length, this.#data?.events ?? 0), "event")} so far in this session.`;
  }

  #arrived(event) {
    if (event.event_type === "service") {
      if (event.detail) this.#parts.connection.textContent = `The annotator says: ${event.detail}`;
      return;
    }
    this.#log.add(event);
  }

  async #rename() {
    const speakers = [...new Set([...this.#log.speakers, ...speakersOf(this.session.events, this.session.labels)])];
    if (!speakers.length) {
      this.#parts.trouble.textContent = "Nobody has spoken yet. As soon as somebody has, they can be named here.";
      return;
    }
    const store = (changes) => this.session.label(changes);
    if (await renameSpeakers(this.#host.root, { speakers, labels: this.session.labels, store })) {
      this.#parts.trouble.textContent = "The names are saved.";
    }
  }

  // --- the end --------------------------------------------------------------------------------------

  async #end() {
    const keeps = this.#data?.policy === "pinned";
    let receipt = null;
    await ask(this.#host.root, {
      title: "End this session now?",
      body: [
        el("p", {}, "It then takes no more events, from any device. Whatever sends events to it is told that it is over."),
        el("p", {}, keeps
          ? "What was annotated so far is saved, and listed under “Last sessions” with the day until which it is kept."
          : `Nothing of it is kept: the session is ${this.#data?.policy}, so its events and their key are destroyed.`),
      ],
      yes: "End the session",
      no: "Let it go on",
      doing: "Ending the session.",
      submit: async () => {
        try {
          receipt = await this.#endNow();
        } catch (error) {
          if (!(error instanceof Problem && error.status === 410)) throw error; // else over already, in the same moment
        }
        return null;
      },
    });
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

  async #over({ because, session, snapshot }) {
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
    this.#host.ended(this, { session, title: this.#title(), policy: this.#data?.policy ?? "pinned", ...about });
  }
}

function replaceIfChanged(element, children) {
  const made = el("div", {}, children);
  if (made.textContent !== element.textContent) element.replaceChildren(...made.childNodes);
}
