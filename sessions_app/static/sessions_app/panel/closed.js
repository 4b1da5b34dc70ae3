/**
 * The last sessions, newest first: those that the panel's call gives, and earlier ones that were asked for.
 * @module
 */

import { button, el, focusOn } from "./dom.js";
import { RecentCard } from "./recent.js";
import { tellApart, troubleText } from "./words.js";

const MORE = 10;

/** What each button of a card does, so that none has to be pressed to find out. */
const BUTTONS = [
  ["Resume", "Starts a new session, which shows the events of the old one first. It is live on this page, and new events go into it. The old session stays as it is."],
  ["Name the speakers…", "Asks for names and colours, which are shown instead of “Speaker A” and so on."],
  ["Export", "Gives you a file with all events and names. What is kept here stays."],
  ["Keep", "Takes the day of deletion away: the session stays until you delete it."],
  ["Set an end again…", "Gives a session that stays the usual day of deletion again."],
  ["Keep for less time…", "Asks for an earlier day of deletion."],
  ["Delete…", "Deletes the session at once. It can't be brought back."],
  ["Remove from this list…", "Removes the line of a session of which nothing is kept."],
];

/** The cards of closed sessions, and a way to see more of them. */
export class ClosedSessions {
  #host;
  /** By session id. @type {Map<string, RecentCard>} */
  #cards = new Map();
  /** The ids of those that the panel's call does not give. @type {Set<string>} */
  #older = new Set();
  #list = el("div", { class: "cards" });
  #none = el("p", {}, "There is no closed session yet. After a session has closed it appears here, with what is kept of it and until when.");
  #more = button("Show earlier sessions", () => this.#showOlder(), { hidden: true });
  #told = el("p", { class: "trouble", role: "status" });
  #help = el(
    "details",
    { hidden: true },
    el("summary", {}, "What the buttons do"),
    el("p", {}, "Buttons that end with “…” ask first: nothing is done before you have answered."),
    el("dl", { class: "choices" }, BUTTONS.map(([label, does]) => [el("dt", {}, label), el("dd", {}, does)])),
  );

  /** @param {object} host What the panel lends to its parts. */
  constructor(host) {
    this.#host = host;
    this.elements = [this.#none, this.#help, this.#list, this.#more, this.#told];
  }

  /**
   * @param {object[]} recent As the panel's call gives them: `{session, snapshot, kept_because}`, newest first.
   * @param {number} limit How many it gives at most.
   */
  update(recent, limit) {
    const oldest = recent.at(-1)?.session.started_at;
    const before = [...this.#cards].filter(([id]) => !this.#older.has(id));
    for (const { session } of recent) this.#older.delete(session.id);
    const ids = new Set(recent.map(({ session }) => session.id));
    for (const [id, card] of before) {
      if (ids.has(id)) continue;
      const pushedOut = recent.length >= limit && new Date(card.startedAt) <= new Date(oldest);
      // Where earlier ones are shown, what newer ones push out is one of them; and what somebody reads stays.
      if (pushedOut && (this.#older.size || card.isInUse)) this.#older.add(id);
      else this.remove(id); // deleted elsewhere
    }
    this.#place(recent);
    if (!this.#older.size) this.#more.hidden = recent.length < limit;
  }

  /** Take one away. Who was at it goes on with the next one. */
  remove(id) {
    const card = this.#cards.get(id);
    if (!card) return;
    const focused = card.element.contains(this.#host.root.activeElement);
    const next = card.element.nextElementSibling?.querySelector("h3") ?? this.#host.closedHeading;
    this.#take(id);
    this.#order();
    if (focused) focusOn(next);
  }

  /** Nothing of one user stays for the next. */
  empty() {
    for (const id of [...this.#cards.keys()]) this.#take(id);
    this.#told.textContent = "";
    this.#more.hidden = true;
  }

  #take(id) {
    this.#cards.get(id).element.remove();
    this.#cards.delete(id);
    this.#older.delete(id);
  }

  #place(kept) {
    for (const one of kept) {
      const card = this.#cards.get(one.session.id);
      if (card) card.update(one);
      else this.#cards.set(one.session.id, new RecentCard(this.#host, one));
    }
    this.#order();
  }

  /** Newest first. What stands where it belongs is not touched: moving it would take the focus from it. */
  #order() {
    const cards = this.#newestFirst;
    let at = this.#list.firstElementChild;
    for (const { element } of cards) {
      if (element === at) at = at.nextElementSibling;
      else this.#list.insertBefore(element, at);
    }
    tellApart(cards);
    this.#none.hidden = cards.length > 0;
    this.#help.hidden = cards.length === 0;
  }

  get #newestFirst() {
    return [...this.#cards.values()].sort((a, b) => new Date(b.startedAt) - new Date(a.startedAt));
  }

  async #showOlder() {
    this.#told.textContent = "";
    const oldest = this.#newestFirst.at(-1)?.startedAt;
    const query = new URLSearchParams({ state: "closed", limit: MORE, ...(oldest && { until: oldest }) });
    let results;
    try {
      ({ results } = await this.#host.api.call("GET", `sessions/?${query}`));
    } catch (error) {
      this.#told.textContent = troubleText(error);
      return;
    }
    const made = results.filter(({ id }) => !this.#cards.has(id));
    for (const { id } of made) this.#older.add(id);
    this.#place(made.map(({ snapshot, kept_because, ...session }) => ({ session, snapshot, kept_because })));
    if (made.length) this.#cards.get(made[0].id).focus();
    else {
      this.#told.textContent = "There are no earlier sessions.";
      focusOn(this.#told);
    }
    this.#more.hidden = results.length < MORE;
  }
}
