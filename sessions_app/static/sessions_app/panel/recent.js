/**
 * One closed session: how it ended, what is kept of it and until when, and what the person can do with it.
 * @module
 */

import { Problem } from "../linnet-session.js";
import { ask } from "./dialogs.js";
import { actions, button, el, freshId, isolated } from "./dom.js";
import { renameSpeakers } from "./speakers.js";
import { speakersOf, timeline } from "./timeline.js";
import { counted, lengthText, momentText, sentence, time, troubleText } from "./words.js";

/** So long a browser may take to start with a download. */
const MINUTE_MS = 60_000;

/** A card in the panel. */
export class RecentCard {
  #host;
  #parts;
  #session;
  #snapshot = null;
  #content = null;
  #exact = false;
  /** Snapshot and reason as they are shown. */
  #state = "";

  /**
   * @param {object} host What the panel lends to its parts.
   * @param {object} kept As the panel's call gives it: `{session, snapshot, kept_because}`.
   */
  constructor(host, kept) {
    this.#host = host;
    this.#session = kept.session;
    this.#build();
    this.update(kept);
  }

  get startedAt() {
    return this.#session.started_at;
  }

  /** When it was and what it was about, without the seconds. */
  get title() {
    const { started_at: started, topic } = this.#session;
    return [momentText(started), ...(topic ? [topic] : [])].join(" · ");
  }

  get exact() {
    return this.#exact;
  }

  /** @param {boolean} exact Whether the title tells the seconds, because others have the same without them. */
  set exact(exact) {
    this.#exact = exact;
    const { started_at: started, topic } = this.#session;
    this.#parts.title.replaceChildren(time(started, { exact }), ...(topic ? [" · ", isolated(topic)] : []));
  }

  /** Whether somebody reads it, stands in it, or waits for something that it does. */
  get isInUse() {
    const isBusy = this.element.querySelector("[aria-disabled='true']") !== null;
    return isBusy || this.#parts.details.open || this.element.contains(this.#host.root.activeElement);
  }

  focus() {
    this.#parts.title.focus();
  }

  /** @param {object} kept As for the constructor; of it, what is kept may be different by now. */
  update({ snapshot, kept_because: because }) {
    const state = JSON.stringify([snapshot?.id, snapshot?.expires_at, because]);
    if (state === this.#state) return;
    this.#state = state;
    const lost = this.#snapshot && !snapshot;
    this.#snapshot = snapshot;
    const { kept, details, keep, remove, ofSnapshot } = this.#parts;
    kept.replaceChildren(...sentence(because));
    keep.textContent = snapshot?.expires_at === null ? "Set an end again…" : "Keep";
    remove.textContent = snapshot ? "Delete…" : "Remove from this list…";
    const focused = ofSnapshot.some((part) => part.contains(this.#host.root.activeElement));
    for (const part of ofSnapshot) part.hidden = !snapshot;
    if (!lost) return;
    details.open = false;
    this.#content = null;
    if (focused) this.focus();
  }

  #build() {
    const { id, started_at: started, closed_at: closed, events, speakers, ended_because: ended, policy } = this.#session;
    const titleId = freshId("session");
    const length = (new Date(closed) - new Date(started)) / 1000;
    const view = el("div");
    const unfolded = () => details.open && this.#show(view);
    const details = el("details", { ontoggle: unfolded }, el("summary", { "aria-describedby": titleId }, "Timeline"), view);
    const keep = button("Keep", () => this.#keepOrLetGo());
    const ofSnapshot = [
      details,
      button("Resume", () => this.#try(() => this.#host.resume(this.#snapshot.id))),
      button("Name the speakers…", () => this.#try(() => this.#rename())),
      button("Export", () => this.#try(() => this.#export())),
      keep,
      button("Keep for less time…", () => this.#shorten()),
    ];
    const remove = button("Delete…", () => this.#delete());
    this.#parts = {
      kept: el("p"),
      details,
      view,
      keep,
      remove,
      ofSnapshot,
      message: el("p", { class: "trouble", role: "status" }),
      title: el("h3", { id: titleId, tabindex: "-1" }),
    };
    this.exact = false;
    const counts = `Lasted ${lengthText(length)}, with ${counted(events, "event")}`;
    this.element = el(
      "article",
      { class: "card", "aria-labelledby": titleId, "data-session": id },
      this.#parts.title,
      el("p", {}, policy === "pinned" ? `${counts} from ${counted(speakers, "speaker")}.` : `${counts}.`),
      el("p", {}, ended),
      this.#parts.kept,
      details,
      actions(titleId, ...ofSnapshot.slice(1), remove),
      this.#parts.message,
    );
  }

  /** Do it, and say beside the buttons what went wrong or, as a sentence that the work returns, what was done. */
  async #try(work) {
    this.#parts.message.textContent = "";
    try {
      this.#parts.message.textContent = (await this.#noting(work)) ?? "";
    } catch (error) {
      this.#parts.message.textContent = troubleText(error);
    }
  }

  /** Do it. When something is not there any more, what is there is shown from then on. */
  async #noting(work) {
    try {
      return await work();
    } catch (error) {
      if (isMissing(error)) await this.#readAgain().catch(() => {}); // nobody answers: the panel says so
      throw error;
    }
  }

  /** What is kept of it now, and why. */
  async #readAgain() {
    try {
      this.update(await this.#host.api.call("GET", `sessions/${this.#session.id}/`));
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (!this.element.isConnected) return; // deleted from here, and told
      this.#host.removed(this.#session.id, `The session of ${this.title} is not there any more. It was deleted in another window or on another device.`);
    }
  }

  get #path() {
    return `snapshots/${this.#snapshot.id}/`;
  }

  async #read() {
    this.#content ??= await this.#host.api.call("GET", `${this.#path}content/`);
    return this.#content;
  }

  #show(view) {
    return this.#try(async () => {
      if (view.childElementCount && this.#content) return;
      view.replaceChildren(el("p", {}, "Reading the session."));
      try {
        view.replaceChildren(timeline(await this.#read(), this.#parts.title.id));
      } catch (error) {
        view.replaceChildren();
        throw error;
      }
    });
  }

  /** The same with other names; what was folded out stays so. */
  #showAgain() {
    const { view } = this.#parts;
    if (!view.childElementCount) return;
    const open = view.querySelector("details")?.open ?? false;
    view.replaceChildren(timeline(this.#content, this.#parts.title.id));
    view.querySelector("details")?.toggleAttribute("open", open);
  }

  async #rename() {
    const content = await this.#read();
    const speakers = speakersOf(content.events, content.speakers);
    if (!speakers.length) return "Nobody spoke in this session, so there is nobody to name.";
    const store = async (changes) => {
      const answer = await this.#host.api.call("PATCH", `${this.#path}speakers/`, { body: { speakers: changes } });
      this.#content = { ...content, speakers: answer.speakers };
    };
    if (!(await renameSpeakers(this.#host.root, { speakers, labels: content.speakers, store }))) return "";
    this.#showAgain();
    this.#host.refreshSoon();
    return "The names are saved.";
  }

  async #export() {
    const address = URL.createObjectURL(await this.#host.api.file("GET", `${this.#path}content/?as=json`));
    el("a", { href: address, download: `linnet-session-${this.#session.id}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), MINUTE_MS);
    return "The browser has the export now: it saves it with your downloads, or asks you where. The file is not encrypted: whoever has it can read it.";
  }

  async #keepOrLetGo() {
    if (this.#snapshot.expires_at !== null) {
      await this.#try(async () => {
        await this.#patch({ keep: true });
        return "It is kept until you delete it or set an end again.";
      });
      return;
    }
    await ask(this.#host.root, {
      title: "Set an end for this session again?",
      body: [el("p", {}, "It is then kept for the usual time, counted from now, and deleted after that. Until then nothing is deleted.")],
      yes: "Set the usual end",
      no: "Keep it without an end",
      doing: "Setting the end.",
      submit: () => this.#patch({ keep: false }),
    });
  }

  async #shorten() {
    const end = this.#snapshot.expires_at === null ? null : new Date(this.#snapshot.expires_at);
    const id = freshId("until");
    const input = el("input", {
      id,
      type: "date",
      required: true,
      min: localDay(new Date()),
      max: end && localDay(end),
      "data-first": true,
    });
    await ask(this.#host.root, {
      title: "Keep this session for less time",
      body: [
        el("p", {}, end ? `It is kept until ${momentText(end)} now.` : "It has no end now."),
        el("p", {}, "At the end of the day that you choose it is deleted. You can shorten it further later. You can't lengthen it this way."),
        el("p", {}, el("label", { for: id }, "Keep until the end of "), input),
      ],
      yes: "Keep until then",
      no: "Change nothing",
      doing: "Setting the end.",
      submit: async () => {
        if (!input.value) return "Choose a day.";
        if (input.value < input.min) return "That day is over. Choose today or a later day.";
        if (end && input.value > input.max) return `It is kept until ${momentText(end)}, and can't be kept for longer this way. Choose that day or an earlier one.`;
        const chosen = new Date(`${input.value}T23:59:59`);
        try {
          return await this.#patch({ expires_at: (end && chosen > end ? end : chosen).toISOString() });
        } catch (error) {
          // The usual time of a session that has no end is known to the service alone.
          if (error.code !== "E-REQUEST-004") throw error;
          return "That day is later than the service usually keeps a session. Choose an earlier one.";
        }
      },
    });
  }

  async #patch(body) {
    await this.#noting(() => this.#host.api.call("PATCH", this.#path, { body }));
    this.#host.refreshSoon();
    await this.#readAgain().catch(() => {}); // it is done, and is shown as soon as it can be read
    return null;
  }

  async #delete() {
    const { id, events, speakers } = this.#session;
    const kept = this.#snapshot !== null;
    const deleted = [
      kept && el("li", {}, `its ${counted(events, "event")}`),
      kept && el("li", {}, `the names you gave to its ${counted(speakers, "speaker")}`),
      kept && el("li", {}, "the key that opens them"),
      el("li", {}, "its line in this list"),
    ];
    const confirmed = await ask(this.#host.root, {
      title: kept ? "Delete this session for good?" : "Remove this session from the list?",
      body: [
        el("p", {}, "The session of ", isolated(this.title), ". This is deleted at once, and can't be brought back:"),
        el("ul", {}, deleted),
        kept && el("p", {}, "A session that shows this one's history goes on without it. A file that you exported stays yours."),
      ].filter(Boolean),
      yes: kept ? "Delete it for good" : "Remove it",
      no: "Leave it as it is",
      doing: kept ? "Deleting…" : "Removing…",
      submit: async () => {
        try {
          await this.#host.api.call("DELETE", `sessions/${id}/`);
        } catch (error) {
          if (!isMissing(error)) throw error; // else deleted elsewhere, a moment before
        }
        return null;
      },
    });
    if (confirmed) this.#host.removed(id, `The session of ${this.title} is ${kept ? "deleted" : "removed from the list"}.`);
  }
}

function isMissing(error) {
  return error instanceof Problem && error.status === 404;
}

/** The day, in the person's own zone, as a date input has it. */
function localDay(moment) {
  const two = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}
