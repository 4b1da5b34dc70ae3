/**
 * `<linnet-panel>`: what is live, what is kept and until when, and the person's preferences.
 *
 * It stands on the REST API and the client module alone. Attribute `base`: where the API is, if not at this page's own
 * origin. Property `token`: an API token, for pages of another origin; it is no attribute, so that it is not in the page.
 * @module
 */

import { el, focusOn, freshId } from "./panel/dom.js";
import { LiveCard } from "./panel/live.js";
import { Preferences } from "./panel/preferences.js";
import { RecentCard } from "./panel/recent.js";
import { momentText, sizeText, troubleText } from "./panel/words.js";
import { Api, LinnetSession, Problem } from "./linnet-session.js";

/** How often it is asked what is there while the page is visible, in milliseconds. Asking is no activity. */
const LOOK_EVERY_MS = 4_000;
const SLOWEST_LOOK_MS = 30_000;
const SOON_MS = 300;
const MORE = 10;

class LinnetPanel extends HTMLElement {
  #token = null;
  #parts = null;
  #connected = null;
  #timer = null;
  #looking = null;
  #failures = 0;
  #readAt = null;
  /** Cards by session id. @type {Map<string, LiveCard>} */
  #live = new Map();
  /** @type {Map<string, RecentCard>} */
  #recent = new Map();
  #older = new Set();

  set token(token) {
    this.#token = token;
    if (this.#connected) this.#begin();
  }

  connectedCallback() {
    // A token that was set before this module was loaded is an ordinary property by then.
    if (Object.hasOwn(this, "token")) {
      this.#token = this.token;
      delete this.token;
    }
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" });
      const style = el("link", { rel: "stylesheet", href: new URL("linnet-panel.css", import.meta.url) });
      // Nothing is shown before it has its style, or is known not to get it.
      for (const name of ["load", "error"]) style.addEventListener(name, () => (this.#parts.panel.hidden = false));
      this.#build();
      this.shadowRoot.append(style, this.#parts.panel);
    }
    this.#connected = new AbortController();
    const { signal } = this.#connected;
    document.addEventListener("visibilitychange", () => this.refresh(), { signal });
    addEventListener("online", () => this.refresh(), { signal });
    addEventListener("offline", () => this.refresh(), { signal });
    this.#begin();
  }

  disconnectedCallback() {
    this.#connected.abort();
    this.#connected = null;
    clearTimeout(this.#timer);
    this.#empty();
  }

  /** Nothing of one user stays for the next. */
  #empty() {
    for (const card of this.#live.values()) card.remove();
    for (const card of this.#recent.values()) card.element.remove();
    this.#live.clear();
    this.#recent.clear();
    this.#older.clear();
    this.#readAt = null;
  }

  #begin() {
    this.#empty();
    this.#looking = null;
    this.api = new Api({ baseUrl: this.getAttribute("base") ?? undefined, token: this.#token });
    this.refresh();
  }

  #build() {
    const section = (title, ...children) => {
      const id = freshId("section");
      const heading = el("h2", { id }, title);
      return [el("section", { "aria-labelledby": id, hidden: true }, heading, ...children), heading];
    };
    const parts = {
      notice: el("p", { class: "notice", role: "status" }, "Reading what is kept."),
      live: el("div", { class: "cards" }),
      noLive: el("p", {}, "No session is live at the moment. One appears here by itself when it starts."),
      recent: el("div", { class: "cards" }),
      noRecent: el("p", {}, "There is no closed session yet. After a session has closed it appears here, with what is kept of it and until when."),
      storage: el("p", { class: "storage" }),
      more: el("button", { type: "button", hidden: true, onclick: () => this.#showOlder() }, "Show earlier sessions"),
    };
    this.preferences = new Preferences(this);
    const [signIn, signInHeading] = section(
      "You are not signed in",
      el("p", {}, "The panel shows your own sessions only, so it needs to know who you are."),
      el("p", {}, "Sign in to Linnet in this browser, then open this page again. On your own machine, open it at the address that the service printed when it started: there no signing in is needed."),
    );
    const [live] = section("Live now", parts.noLive, parts.live);
    const [recent, recentHeading] = section("Last sessions", parts.storage, parts.noRecent, parts.recent, parts.more);
    const [preferences] = section("Preferences", this.preferences.element);
    this.#parts = { ...parts, signIn, signInHeading, recentHeading, sections: [live, recent, preferences] };
    this.#parts.panel = el("div", { class: "panel", lang: "en", dir: "ltr", hidden: true }, parts.notice, signIn, live, recent, preferences);
  }

  // --- what the panel lends to its parts ------------------------------------------------------------

  get root() {
    return this.shadowRoot;
  }

  /** Tell, without moving anything. */
  announce(text) {
    this.#parts.notice.textContent = text;
  }

  refreshSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), SOON_MS);
  }

  /** Bring a session back: it is live in this page from then on. Rejects when the service refuses. */
  async resume(snapshot) {
    const session = this.#session();
    const card = new LiveCard(this, session);
    await session.resume(snapshot);
    this.#live.set(session.id, card);
    await this.refresh();
    card.focus();
    this.announce("The session is back: it is live on this page, and shows its earlier history first.");
  }

  /** A receipt was read and closed. */
  drop(card) {
    for (const [id, other] of this.#live) if (other === card) this.#live.delete(id);
    card.remove();
    this.#showEmpty();
    focusOn(this.#parts.recentHeading);
  }

  /** A closed session was deleted. */
  deleted(id) {
    this.#recent.get(id)?.element.remove();
    this.#recent.delete(id);
    this.#older.delete(id);
    const receipt = this.#live.get(id);
    if (receipt?.hasReceipt) this.drop(receipt);
    this.announce("It is deleted.");
    focusOn(this.#parts.recentHeading);
    this.refreshSoon();
  }

  #session() {
    // In this tab only: another one that takes the session over would take it from this one.
    let storage = null;
    try {
      storage = globalThis.sessionStorage;
    } catch {
      // Cookies are blocked: then a reload only watches.
    }
    return new LinnetSession({ api: this.api, storage, wakeLock: false });
  }

  // --- reading --------------------------------------------------------------------------------------

  /** Ask what is there, now. One at a time; a page in the background asks nothing. */
  async refresh() {
    clearTimeout(this.#timer);
    if (!this.#connected || document.visibilityState !== "visible") return;
    // What is under way may have been asked before what was just changed.
    if (this.#looking) await this.#looking;
    const looking = (this.#looking ??= this.#look());
    await looking;
    if (this.#looking !== looking) return; // asked as somebody else meanwhile
    this.#looking = null;
    if (!this.#connected) return;
    const wait = Math.min(LOOK_EVERY_MS * 2 ** this.#failures, SLOWEST_LOOK_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), wait);
  }

  async #look() {
    const { api } = this;
    let data;
    try {
      data = await api.call("GET", "settings/panel/");
    } catch (error) {
      if (api === this.api) this.#failed(error);
      return;
    }
    if (api !== this.api) return; // another user's by now
    if (this.#failures || this.#readAt === null) this.announce("");
    this.#failures = 0;
    this.#readAt = new Date();
    this.#showSignedIn(true);
    this.#showLive(data.live);
    this.#showRecent(data.recent, data.preferences.recent_limit);
    this.preferences.update(data.preferences);
    const { storage } = this.#parts;
    const taken = data.storage_bytes ? `What is kept of your sessions takes ${sizeText(data.storage_bytes)}, sealed.` : "Nothing is stored of your sessions at the moment.";
    if (storage.textContent !== taken) storage.textContent = taken;
    this.#showEmpty();
  }

  #failed(error) {
    if (error instanceof Problem && error.status === 401) {
      this.announce("");
      this.#empty();
      this.#showSignedIn(false);
      return;
    }
    this.#failures += 1;
    const seen = this.#readAt ? ` What is shown was read on ${momentText(this.#readAt)}.` : "";
    const told = error instanceof Problem ? troubleText(error) : navigator.onLine ? "The service can't be reached at the moment." : "This device is offline.";
    this.announce(`${told}${seen} It is read again by itself.`);
  }

  #showSignedIn(signedIn) {
    const { signIn, sections } = this.#parts;
    signIn.hidden = signedIn;
    for (const section of sections) section.hidden = !signedIn;
  }

  #showLive(live) {
    if (!this.#live.size) this.#attachAfterReload(live);
    for (const data of live) {
      let card = this.#live.get(data.id);
      if (!card) {
        card = new LiveCard(this);
        this.#live.set(data.id, card);
        card.update(data);
        card.watch();
      } else if (!card.hasReceipt) card.update(data);
      if (card.element.isConnected) continue;
      this.#parts.live.append(card.element);
      card.shown();
    }
    const ids = new Set(live.map(({ id }) => id));
    for (const [id, card] of this.#live) if (!ids.has(id)) card.gone();
  }

  /** What this tab held before it was reloaded it holds again, with a new lease. */
  #attachAfterReload(live) {
    const session = this.#session();
    const data = live.find(({ id }) => id === session.rememberedId);
    if (!data) return;
    const card = new LiveCard(this, session);
    this.#live.set(data.id, card);
    session.attach().catch(() => {});
  }

  #showRecent(recent, limit) {
    const before = new Set(this.#recent.keys());
    this.#place(recent, "prepend");
    for (const { session } of recent) before.delete(session.id);
    for (const id of before) {
      if (this.#older.has(id)) continue;
      // Deleted elsewhere, or pushed out by newer ones.
      this.#recent.get(id).element.remove();
      this.#recent.delete(id);
    }
    if (!this.#older.size) this.#parts.more.hidden = recent.length < limit;
  }

  #place(kept, where) {
    const made = [];
    for (const one of kept) {
      const card = this.#recent.get(one.session.id);
      if (card) card.update(one);
      else {
        this.#recent.set(one.session.id, new RecentCard(this, one));
        made.push(this.#recent.get(one.session.id).element);
      }
    }
    this.#parts.recent[where](...made);
    return made;
  }

  async #showOlder() {
    const oldest = [...this.#recent.values()].map(({ startedAt }) => startedAt).sort((a, b) => new Date(a) - new Date(b))[0];
    const query = new URLSearchParams({ state: "closed", limit: MORE, ...(oldest && { until: oldest }) });
    try {
      const { results } = await this.api.call("GET", `sessions/?${query}`);
      for (const { id } of results) this.#older.add(id);
      const made = this.#place(results.map(({ snapshot, kept_because, ...session }) => ({ session, snapshot, kept_because })), "append");
      this.#parts.more.hidden = results.length < MORE;
      this.announce(results.length ? "" : "There are no earlier sessions.");
      made[0]?.querySelector("h3").focus();
    } catch (error) {
      this.announce(troubleText(error));
    }
  }

  #showEmpty() {
    this.#parts.noLive.hidden = this.#live.size > 0;
    this.#parts.noRecent.hidden = this.#recent.size > 0;
  }
}

customElements.define("linnet-panel", LinnetPanel);
