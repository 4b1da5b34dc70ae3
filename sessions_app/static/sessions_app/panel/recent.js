/**
 * One closed session: how it ended, what is kept of it and until when, and what the person can do with it.
 * @module
 */

import { ask } from "./dialogs.js";
import { button, el, freshId, isolated } from "./dom.js";
import { renameSpeakers } from "./speakers.js";
import { speakersOf, timeline } from "./timeline.js";
import { counted, lengthText, momentText, sentence, time, troubleText } from "./words.js";

const DAY_MS = 86_400_000;

/** A card in the panel. */
export class RecentCard {
  #host;
  #parts;
  #session;
  #snapshot = null;
  #content = null;

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

  update({ snapshot, kept_because: because }) {
    const state = JSON.stringify([snapshot, because]);
    if (state === this.state) return;
    this.state = state;
    const lost = this.#snapshot && !snapshot;
    this.#snapshot = snapshot;
    const { kept, details, keep, remove, ofSnapshot } = this.#parts;
    kept.replaceChildren(...sentence(because));
    for (const part of ofSnapshot) part.hidden = !snapshot;
    keep.textContent = snapshot?.expires_at === null ? "Let go…" : "Keep";
    remove.textContent = snapshot ? "Delete…" : "Remove from this list…";
    if (lost) {
      details.open = false;
      this.#content = null;
    }
  }

  #build() {
    const { id, topic, started_at: started, closed_at: closed, events, speakers, ended_because: ended, policy } = this.#session;
    const titleId = freshId("session");
    const length = (new Date(closed) - new Date(started)) / 1000;
    const view = el("div");
    const details = el("details", { ontoggle: () => details.open && this.#show(view) }, el("summary", {}, "Timeline"), view);
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
      title: el("h3", { id: titleId, tabindex: "-1" }, time(started), topic && [" · ", isolated(topic)]),
    };
    const counts = `Lasted ${lengthText(length)}, with ${counted(events, "event")}`;
    this.element = el(
      "article",
      { class: "card", "aria-labelledby": titleId, "data-session": id },
      this.#parts.title,
      el("p", {}, policy === "pinned" ? `${counts} from ${counted(speakers, "speaker")}.` : `${counts}.`),
      el("p", {}, ended),
      this.#parts.kept,
      details,
      el("div", { class: "actions" }, ...ofSnapshot.slice(1), remove),
      this.#parts.message,
    );
  }

  /** Do it, and say beside the buttons what went wrong or, as a sentence that the work returns, what was done. */
  async #try(work) {
    this.#parts.message.textContent = "";
    try {
      this.#parts.message.textContent = (await work()) ?? "";
    } catch (error) {
      this.#parts.message.textContent = troubleText(error);
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
        view.replaceChildren(timeline(await this.#read()));
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
    view.replaceChildren(timeline(this.#content));
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
    setTimeout(() => URL.revokeObjectURL(address), DAY_MS / 1440);
    return "The export is in your downloads. It is not sealed: whoever has the file can read it.";
  }

  async #keepOrLetGo() {
    if (this.#snapshot.expires_at !== null) {
      await this.#try(async () => {
        await this.#patch({ keep: true });
        return "It is kept until you delete it or let it go.";
      });
      return;
    }
    await ask(this.#host.root, {
      title: "Let this session go?",
      body: [el("p", {}, "It gets an end again: the usual time, counted from now. Until then nothing is deleted.")],
      yes: "Let it go",
      no: "Keep it",
      submit: () => this.#inDialog(() => this.#patch({ keep: false })),
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
        el("p", {}, "At the end of the day that you choose it is deleted. A day that is earlier can be chosen again later, a later one can't."),
        el("p", {}, el("label", { for: id }, "Keep until the end of "), input),
      ],
      yes: "Keep until then",
      no: "Change nothing",
      submit: () => {
        if (!input.value) return Promise.resolve("Choose a day.");
        const chosen = new Date(`${input.value}T23:59:59`);
        const wanted = end && chosen > end ? end : chosen;
        return this.#inDialog(() => this.#patch({ expires_at: wanted.toISOString() }));
      },
    });
  }

  async #inDialog(work) {
    try {
      await work();
      return null;
    } catch (error) {
      return troubleText(error);
    }
  }

  async #patch(body) {
    const { expires_at: end } = await this.#host.api.call("PATCH", this.#path, { body });
    this.#snapshot = { ...this.#snapshot, expires_at: end };
    await this.#host.refresh();
  }

  async #delete() {
    const { id, events, speakers, started_at: started } = this.#session;
    const kept = this.#snapshot !== null;
    const destroyed = [
      kept && el("li", {}, `its ${counted(events, "event")}`),
      kept && el("li", {}, `the names you gave to its ${counted(speakers, "speaker")}`),
      kept && el("li", {}, "the key that opens them"),
      el("li", {}, "its line in this list"),
    ];
    const confirmed = await ask(this.#host.root, {
      title: kept ? "Delete this session for good?" : "Remove this session from the list?",
      body: [
        el("p", {}, `The session of ${momentText(started)}. This is destroyed at once, and can't be brought back:`),
        el("ul", {}, destroyed),
        kept && el("p", {}, "A session that shows this one's history goes on without it. A file that you exported stays yours."),
      ].filter(Boolean),
      yes: kept ? "Delete it for good" : "Remove it",
      no: "Leave it as it is",
      submit: () => this.#inDialog(() => this.#host.api.call("DELETE", `sessions/${id}/`)),
    });
    if (confirmed) this.#host.deleted(id);
  }
}

/** The day, in the person's own zone, as a date input has it. */
function localDay(moment) {
  const two = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}
