/**
 * What is told about the panel as a whole. Its room is always there: nothing moves when something is told.
 * @module
 */

import { button, el, focusOn } from "./dom.js";

/** So long what was done stays to be read, in milliseconds. */
const READABLE_MS = 20_000;

/** The line above everything else. */
export class Notice {
  #text = el("p", { class: "notice", role: "status" }, "Reading what is kept.");
  #again;
  #until = 0;

  /** @param {() => Promise<void>} readAgain */
  constructor(readAgain) {
    this.#again = button("Read again now", readAgain, { hidden: true });
    this.element = el("div", { class: "notices" }, this.#text, this.#again);
  }

  /** Something was done. @param {string} text Names what it was done to: the same words twice are told once. */
  tell(text) {
    this.#say(text, Date.now() + READABLE_MS);
  }

  /** Reading does not work. This stays until it does. */
  outage(text) {
    this.#say(text, 0);
    this.#again.hidden = false;
  }

  /** Reading has worked. */
  read() {
    if (this.#again.matches(":focus")) {
      this.tell("It is read again: what is shown is what the service has.");
      focusOn(this.#text);
    }
    this.#again.hidden = true;
    if (Date.now() >= this.#until) this.#say("", 0);
  }

  /** There is nothing to tell. */
  clear() {
    this.#again.hidden = true;
    this.#say("", 0);
  }

  #say(text, until) {
    this.#until = until;
    // Set again, it would be read out again.
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}
