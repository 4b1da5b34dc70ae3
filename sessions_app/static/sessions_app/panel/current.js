/**
 * What is live, and the receipts of what was live a moment ago.
 * @module
 */

import { LinnetSession, mayPass } from "../linnet-session.js";
import { el, focusOn, section } from "./dom.js";
import { LiveCard } from "./live.js";
import { Receipt } from "./receipt.js";
import { tellApart, troubleText } from "./words.js";

/** Receipts that are shown at a time. A panel may stay open for weeks; what is kept is in the list of closed sessions too. */
const MOST_RECEIPTS = 5;

/** The cards of live sessions, and the receipts. */
export class LiveSessions {
  #host;
  /** By session id. @type {Map<string, LiveCard>} */
  #cards = new Map();
  /** By session id. @type {Map<string, Receipt>} */
  #receipts = new Map();
  /** What this tab held before it was reloaded, and still has to take up again. @type {LiveCard|null} */
  #unattached = null;
  #list = el("div", { class: "cards" });
  #none = el("p", {}, "No session is live at the moment. One appears here by itself when it starts.");
  #ended = el("div", { class: "cards" });
  #live = section("Live now", this.#none, this.#list);
  #justEnded = section("Just ended", this.#ended);

  /** @param {object} host What the panel lends to its parts. */
  constructor(host) {
    this.#host = host;
  }

  /** In their order. @returns {HTMLElement[]} */
  get sections() {
    return [this.#live.element, this.#justEnded.element];
  }

  /** @param {boolean} shown Whether there is somebody to show it to. */
  show(shown) {
    this.#live.element.hidden = !shown;
  }

  /**
   * @param {object[]} live As the panel's call gives them.
   * @param {object[]} recent What has closed, as the same call gives it.
   * @param {{first: boolean}} how Whether this user's sessions are read for the first time by this page.
   */
  update(live, recent, { first }) {
    if (first) this.#recall(live);
    else if (this.#unattached) this.#attach(this.#unattached);
    for (const data of live) {
      const receipt = this.#receipts.get(data.id);
      if (receipt?.isConfirmed) continue;
      if (receipt) this.drop(receipt); // it went on, and this page could not know
      const known = this.#cards.get(data.id);
      const card = known ?? new LiveCard(this.#host);
      if (!known) this.#put(data.id, card);
      card.update(data);
      if (!known) card.watch();
      if (card.element.isConnected) continue;
      this.#list.append(card.element);
      card.shown();
    }
    const ids = new Set(live.map(({ id }) => id));
    for (const [id, card] of this.#cards) if (!ids.has(id)) card.gone();
    const kept = new Map(recent.map((one) => [one.session.id, one]));
    for (const [id, receipt] of this.#receipts) receipt.read(kept.get(id));
    this.#arrange();
  }

  /** Bring a session back. Rejects when the service refuses. @param {string} snapshot */
  async resume(snapshot) {
    const { api } = this.#host;
    const session = this.#session();
    const card = new LiveCard(this.#host, session);
    // It has its place before its earlier history is read: whoever looks meanwhile finds it held.
    const placed = () => api === this.#host.api && this.#put(session.id, card);
    session.addEventListener("lease", placed, { once: true });
    await session.resume(snapshot);
    if (api !== this.#host.api) return card.remove(); // another user's by now
    await this.#host.refresh();
    card.focus();
    this.#host.announce(`${card.title} is live on this page again. It shows its earlier history first.`);
  }

  /**
   * A live session is over: its receipt takes its place. Told by whatever learns of it, the answer to an end and what
   * follows the session: only the first counts.
   * @param {LiveCard} card
   * @param {object} about As `Receipt` takes it; `focus`: whether the person is waiting for it.
   */
  ended(card, { focus = false, ...about }) {
    const isFirst = this.#cards.get(about.session) === card;
    if (isFirst) {
      const receipt = new Receipt(this.#host, about);
      this.#receipts.set(about.session, receipt);
      this.#ended.prepend(receipt.element);
      this.#host.announce(`${card.title} is over. ${about.receipt?.ended_because ?? about.because}`);
      focus ||= card.element.contains(this.#host.root.activeElement);
      this.#cards.delete(about.session);
      card.remove();
      this.#dropOldest();
      this.#arrange();
      this.#host.refreshSoon();
    }
    // Told again, or another user's by now: the receipt is there already, was closed, or is not for this one.
    if (focus) this.#receipts.get(about.session)?.focus();
  }

  /** Not one that somebody stands in. */
  #dropOldest() {
    const unread = [...this.#receipts.values()].filter(({ element }) => !element.contains(this.#host.root.activeElement));
    for (const receipt of unread.slice(0, Math.max(0, this.#receipts.size - MOST_RECEIPTS))) this.drop(receipt);
  }

  /** A receipt was read and closed. Where the focus is elsewhere, it stays there. @param {Receipt} receipt */
  drop(receipt) {
    const focused = receipt.element.contains(this.#host.root.activeElement);
    for (const [id, other] of this.#receipts) if (other === receipt) this.#receipts.delete(id);
    receipt.element.remove();
    this.#arrange();
    if (focused) focusOn(this.#host.closedHeading);
  }

  /** The session was deleted: its receipt goes too. @param {string} id */
  dropOf(id) {
    const receipt = this.#receipts.get(id);
    if (receipt) this.drop(receipt);
  }

  /** Nothing of one user stays for the next. */
  empty() {
    for (const card of this.#cards.values()) card.remove();
    for (const receipt of this.#receipts.values()) receipt.element.remove();
    this.#cards.clear();
    this.#receipts.clear();
    this.#unattached = null;
    this.#arrange();
  }

  #put(id, card) {
    this.#cards.get(id)?.remove();
    this.#cards.set(id, card);
    card.element.dataset.session = id;
  }

  #arrange() {
    tellApart([...this.#cards.values()]);
    tellApart([...this.#receipts.values()]);
    this.#none.hidden = this.#cards.size > 0;
    this.#justEnded.element.hidden = !this.#receipts.size;
  }

  #session() {
    // In this tab only: another one that takes the session over would take it from this one.
    let storage = null;
    try {
      storage = globalThis.sessionStorage;
    } catch {
      // Cookies are blocked: then a reload only watches.
    }
    return new LinnetSession({ api: this.#host.api, storage, wakeLock: false });
  }

  /** What this tab held before it was reloaded it holds again, with a new lease. */
  #recall(live) {
    const session = this.#session();
    const { rememberedId: id } = session;
    if (!live.some((data) => data.id === id)) return;
    const card = new LiveCard(this.#host, session);
    this.#put(id, card);
    this.#attach(card);
  }

  async #attach(card) {
    this.#unattached = null;
    try {
      await card.session.attach();
      card.tell("");
    } catch (error) {
      if (this.#cards.get(card.session.id) !== card || card.session.status === "over") return;
      const trouble = troubleText(error);
      if (mayPass(error)) {
        this.#unattached = card;
        card.tell(`This page held the session before it was reloaded, and can't take it up again yet. ${trouble} It is tried again by itself.`);
      } else {
        card.tell(`This page held the session before it was reloaded, and can't hold it any more: it only shows it. ${trouble}`);
        card.session.leave();
        card.watch();
      }
    }
  }
}
