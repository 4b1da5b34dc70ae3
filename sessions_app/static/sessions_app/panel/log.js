/**
 * The events of a live session, a line each, the newest at the end; those of earlier sessions before them.
 * @module
 */

import { mayPass } from "../linnet-session.js";
import { el, isolated } from "./dom.js";
import { nameOf } from "./timeline.js";
import { clockText, counted, eventText, momentText, notesText, percentText, subjectText, troubleText } from "./words.js";

/** Lines that are on the page at a time. */
const MOST_LINES = 400;
/** Of an earlier session, the last so many are shown. */
const MOST_EARLIER = 100;
/** So near to the end somebody is reading the end, in pixels. */
const NEAR_END = 40;

/** A list that can be scrolled. It moves only for those who read its end. */
export class EventLog {
  #lines = el("ol", { class: "lines" });
  #unshown = el("p", { class: "hint" });
  #unshownCount = 0;
  #labels;
  #onDrawn;
  #afterwards;
  /** Events that have arrived and are not drawn yet. */
  #waiting = [];

  /**
   * @param {object} options
   * @param {string} options.labelledBy The ids of what names it.
   * @param {() => Record<string, object>} options.labels The speakers' names, as of now.
   * @param {() => void} options.onDrawn
   * @param {() => string} options.afterwards Where all events can be seen once the session has closed: the rest of a
   *     sentence, or nothing.
   */
  constructor({ labelledBy, labels, onDrawn, afterwards }) {
    this.#labels = labels;
    this.#onDrawn = onDrawn;
    this.#afterwards = afterwards;
    this.element = el(
      "div",
      { class: "scroll log", tabindex: "0", role: "region", "aria-labelledby": labelledBy },
      this.#unshown,
      this.#lines,
    );
  }

  /** The speakers in the lines. @returns {string[]} */
  get speakers() {
    return [...this.#named()].map(({ dataset }) => dataset.speaker);
  }

  add(event) {
    // A session that was long before the page was opened comes all at once: what scrolls past unseen is not drawn.
    if (this.#waiting.push(event) === 1) requestAnimationFrame(() => this.#draw());
  }

  /** An earlier session, with a visible break after it. @param {object} history As the client module tells it. */
  addEarlier({ events, speakers, startedAt, endedAt, error, resumedFrom }) {
    if (error) {
      const why = mayPass(error) ? `${error.message} It is read again when you reload this page.` : troubleText(error);
      const told = `An earlier session of ${counted(resumedFrom.events, "event")} can't be shown here. ${why}`;
      this.#append([el("li", { class: "break" }, `${told} What follows is from this session.`)]);
      return;
    }
    const shown = events.slice(-MOST_EARLIER);
    const left = events.length - shown.length;
    const note = left ? ` Its first ${counted(left, "event")} are left out here; an export has them all.` : "";
    this.#append([
      el("li", { class: "break" }, `Earlier session of ${momentText(startedAt)}: ${counted(events.length, "event")}.${note}`),
      ...shown.map((event) => line(event, speakers)),
      el("li", { class: "break" }, `The earlier session ended here: ${momentText(endedAt)}. What follows is from this session.`),
    ]);
  }

  /** The speakers have other names now. */
  rename() {
    for (const name of this.#named()) name.textContent = nameOf(name.dataset.speaker, this.#labels());
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #draw() {
    const waiting = this.#waiting.splice(0);
    const events = waiting.slice(-MOST_LINES);
    this.#unshownCount += waiting.length - events.length;
    this.#append(events.map((event) => line(event, this.#labels())));
    this.#onDrawn();
  }

  #append(made) {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.#lines.append(...made);
    while (this.#lines.children.length > MOST_LINES) {
      if (!this.#lines.firstElementChild.matches(".break")) this.#unshownCount += 1;
      this.#lines.firstElementChild.remove();
    }
    if (this.#unshownCount) {
      const [what, are] = [counted(this.#unshownCount, "earlier event"), this.#unshownCount === 1 ? "is" : "are"];
      this.#unshown.textContent = `${what} ${are} not shown here${this.#afterwards()}.`;
    }
    if (atEnd) this.toEnd();
  }

  #named() {
    return this.#lines.querySelectorAll("bdi[data-speaker]");
  }
}

function line(event, labels) {
  const who = event.speaker_id
    ? el("bdi", { "data-speaker": event.speaker_id }, nameOf(event.speaker_id, labels))
    : subjectText(event);
  const sure = percentText(event.confidence);
  const notes = notesText(event);
  return el(
    "li",
    {},
    el("span", { class: "at" }, clockText(event.timestamp ?? 0)),
    el("span", { class: "who" }, who),
    el("span", { class: "what" }, isolated(eventText(event)), sure && el("span", { class: "sure" }, ` · ${sure} sure`)),
    notes && el("span", { class: "notes" }, isolated(notes)),
  );
}
