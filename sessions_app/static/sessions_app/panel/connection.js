/**
 * What the card of a live session says of its connection, and of the annotator at the other end.
 * @module
 */

import { el, isolated } from "./dom.js";

const UNASKED =
  "Its events are not shown here. A page that shows them counts as connected, and an ephemeral session does not close " +
  "while somebody is connected to it.";
const WAITING = "Its events are not followed at the moment: a page follows two sessions at a time.";
const UNSEEN = "Its events are fetched while they are on the screen.";

/** Some lines of text. What is as expected is shown; a connection that is lost, and its return, are told besides. */
export class ConnectionLines {
  #shown = el("p", { class: "connection" });
  #told = el("p", { class: "connection", role: "status" });
  #annotator = el("p", { class: "connection", role: "status" });

  /** @returns {HTMLElement[]} */
  get elements() {
    return [this.#shown, this.#told, this.#annotator];
  }

  /** What the client module says. @param {{status: string, because: string}} detail Of its `status` event. */
  show({ status, because }) {
    const isTrouble = ["offline", "signed-out"].includes(status);
    const isTold = isTrouble || (status === "live" && this.#told.textContent !== "");
    this.#shown.textContent = isTold ? "" : because;
    this.#told.textContent = isTold ? because : "";
  }

  /** There is no stream. @param {{isUnasked: boolean, isWaiting: boolean}} why */
  showWhyNot({ isUnasked, isWaiting }) {
    this.#told.textContent = "";
    this.#shown.textContent = isUnasked ? UNASKED : isWaiting ? WAITING : UNSEEN;
    this.showAnnotator("");
  }

  /** @param {string} text In the annotator's own words. None: what it said before is not so any more. */
  showAnnotator(text) {
    this.#annotator.replaceChildren(...(text ? ["The annotator says: ", isolated(text)] : []));
  }
}
