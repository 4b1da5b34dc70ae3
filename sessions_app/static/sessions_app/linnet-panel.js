/**
 * `<linnet-panel>`: what is live, what is kept and until when, and the person's preferences.
 *
 * It stands on the REST API and the client module alone. Attribute `base`: where the API is, if not at this page's own
 * origin. Property `token`: an API token, for pages of another origin; it is no attribute, so that it is not in the page.
 * @module
 */

import { ClosedSessions } from "./panel/closed.js";
import { dismiss } from "./panel/dialogs.js";
import { el, focusOn, section } from "./panel/dom.js";
import { LiveSessions } from "./panel/current.js";
import { Notice } from "./panel/notice.js";
import { Preferences } from "./panel/preferences.js";
import { momentText, sizeText, troubleText } from "./panel/words.js";
import { Api, Problem } from "./linnet-session.js";

/** How often it is asked what is there while the page is visible, in milliseconds. Asking is no activity. */
const LOOK_EVERY_MS = 4_000;
const SLOWEST_LOOK_MS = 30_000;
const SOON_MS = 300;

class LinnetPanel extends HTMLElement {
  #token = null;
  #parts = null;
  #connected = null;
  #timer = null;
  #looking = null;
  #failures = 0;
  /** Counts what this page has changed: what was asked before a change tells nothing about it. */
  #changes = 0;
  #readAt = null;

  set token(token) {
    // Frameworks set what is set already, at each rendering: it is not read anew for that.
    if (token === this.#token) return;
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
    const { live, closed, preferences, storage } = this.#parts;
    for (const part of [live, closed, preferences]) part.empty();
    storage.textContent = "";
    dismiss(this.root);
    this.#failures = 0;
    this.#readAt = null;
  }

  #begin() {
    this.#empty();
    this.#looking = null;
    this.api = new Api({ baseUrl: this.getAttribute("base") ?? undefined, token: this.#token });
    this.refresh();
  }

  #build() {
    const notice = new Notice(() => this.refresh());
    const live = new LiveSessions(this);
    const closed = new ClosedSessions(this);
    const preferences = new Preferences(this);
    const storage = el("p", { class: "storage" });
    const signIn = section(
      "You are not signed in",
      el("p", {}, "The panel shows your own sessions only, so it needs to know who you are."),
      el("p", {}, "Sign in to Linnet in this browser, then open this page again. On your own machine, open it at the address that the service printed when it started: there no signing in is needed."),
    );
    const last = section("Last sessions", storage, ...closed.elements);
    const wishes = section("Preferences", preferences.element);
    const sections = [...live.sections, last.element, wishes.element];
    const panel = el("div", { class: "panel", lang: "en", dir: "ltr", hidden: true }, notice.element, signIn.element, ...sections);
    this.#parts = { notice, live, closed, preferences, storage, signIn, last, wishes, panel };
  }

  // --- what the panel lends to its parts ------------------------------------------------------------

  get root() {
    return this.shadowRoot;
  }

  get closedHeading() {
    return this.#parts.last.heading;
  }

  /** Tell, without moving anything. @param {string} text Names the session: the same words twice are told once. */
  announce(text) {
    this.#parts.notice.tell(text);
  }

  /** Something was changed from here: what is shown is read again. */
  refreshSoon() {
    this.#changes += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), SOON_MS);
  }

  /** Bring a session back: it is live in this page from then on. Rejects when the service refuses. */
  resume(snapshot) {
    return this.#parts.live.resume(snapshot);
  }

  /** A live session is over. */
  ended(card, about) {
    this.#parts.live.ended(card, about);
  }

  /** A receipt was read and closed. */
  drop(receipt) {
    this.#parts.live.drop(receipt);
  }

  /** A closed session is not in the list any more. @param {string} told */
  removed(id, told) {
    this.#parts.closed.remove(id);
    this.#parts.live.dropOf(id);
    this.announce(told);
    this.refreshSoon();
  }

  // --- reading --------------------------------------------------------------------------------------

  /** Ask what is there, now. One at a time; a page in the background asks nothing. */
  async refresh() {
    clearTimeout(this.#timer);
    if (!this.#connected || document.visibilityState !== "visible") return;
    // What is under way may have been asked before what was just changed.
    if (this.#looking) await this.#looking.catch(() => {}); // whoever began it is told
    const looking = (this.#looking ??= this.#look());
    const changes = this.#changes;
    try {
      await looking;
    } finally {
      // Otherwise asked as somebody else meanwhile.
      if (this.#looking === looking) {
        this.#looking = null;
        this.#lookLater(changes === this.#changes ? LOOK_EVERY_MS : SOON_MS);
      }
    }
  }

  #lookLater(wait) {
    if (!this.#connected) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), Math.min(wait * 2 ** this.#failures, SLOWEST_LOOK_MS));
  }

  async #look() {
    const { api } = this;
    const changes = this.#changes;
    let data;
    try {
      data = await api.call("GET", "settings/panel/");
    } catch (error) {
      if (api === this.api) this.#failed(error);
      return;
    }
    if (api !== this.api || changes !== this.#changes) return; // another user's by now, or not so any more
    this.#failures = 0;
    const first = this.#readAt === null;
    this.#readAt = new Date();
    const { notice, live, closed, preferences, storage } = this.#parts;
    notice.read();
    this.#showSignedIn(true);
    live.update(data.live, data.recent, { first });
    closed.update(data.recent, data.preferences.recent_limit);
    preferences.update(data.preferences);
    const taken = data.storage_bytes ? `What is kept of your sessions takes ${sizeText(data.storage_bytes)}, encrypted.` : "Nothing is stored of your sessions at the moment.";
    if (storage.textContent !== taken) storage.textContent = taken;
  }

  #failed(error) {
    if (error instanceof Problem && error.status === 401) return this.#signedOut();
    this.#failures += 1;
    const seen = this.#readAt ? ` What is shown was read on ${momentText(this.#readAt)}.` : "";
    const told = error instanceof Problem ? troubleText(error) : navigator.onLine ? "The service can't be reached at the moment." : "This device is offline.";
    this.#parts.notice.outage(`${told}${seen} It is read again by itself.`);
  }

  #signedOut() {
    const { notice, signIn } = this.#parts;
    const wasSignedIn = this.#readAt !== null;
    const focused = this.root.activeElement !== null;
    this.#empty();
    this.#showSignedIn(false);
    if (wasSignedIn) notice.tell("You are not signed in any more. What was shown here was cleared from this page; nothing that is kept is touched by this.");
    else notice.read();
    if (focused) focusOn(signIn.heading);
  }

  #showSignedIn(signedIn) {
    const { signIn, live, last, wishes } = this.#parts;
    signIn.element.hidden = signedIn;
    for (const element of [last.element, wishes.element]) element.hidden = !signedIn;
    live.show(signedIn);
  }
}

customElements.define("linnet-panel", LinnetPanel);
