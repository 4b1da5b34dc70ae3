/**
 * The receipt of a session that is over: why it ended, what is kept of it, until when, and what can be done.
 * @module
 */

import { button, el, freshId } from "./dom.js";
import { counted, sentence, troubleText } from "./words.js";

/**
 * @param {object} host What the panel lends to its parts.
 * @param {object} about
 * @param {string} about.title The session, as its card named it.
 * @param {string} about.because Why it ended, when there is no receipt to say so.
 * @param {object|null} about.receipt The service's, or null when it could not be read.
 * @param {object|null} about.snapshot What can be brought back.
 * @param {() => void} about.onClose
 * @returns {HTMLElement} Its heading can be focused.
 */
export function receiptCard(host, { title, because, receipt, snapshot, onClose }) {
  const id = freshId("receipt");
  const trouble = el("p", { class: "trouble", role: "status" });
  const resume = async () => {
    try {
      await host.resume(snapshot.id);
      onClose();
    } catch (error) {
      trouble.textContent = troubleText(error);
    }
  };
  return el(
    "article",
    { class: "card receipt", "aria-labelledby": id },
    el("h3", { id, tabindex: "-1" }, "Receipt: ", title),
    el("p", {}, receipt?.ended_because ?? because),
    receipt ? told(receipt) : el("p", {}, "What is kept of it is shown under “Last sessions” as soon as it is read."),
    el(
      "div",
      { class: "actions" },
      snapshot && button("Resume this session", resume),
      button("Close this receipt", onClose),
    ),
    trouble,
  );
}

function told(receipt) {
  return el(
    "ul",
    { class: "facts" },
    el("li", {}, `${counted(receipt.events, "event")} from ${counted(receipt.speakers, "speaker")} arrived in it.`),
    el("li", {}, sentence(receipt.kept_because)),
    el("li", {}, withheldText(receipt.withheld)),
    receipt.snapshot && el("li", {}, "Under “Last sessions” you can resume, export, keep, shorten or delete it."),
  );
}

function withheldText(withheld) {
  if (withheld === null) return "Whether anything was left out can't be read at the moment.";
  const left = Object.entries(withheld).map(([name, count]) => `${name} (${count})`);
  if (!left.length) return "Nothing that was sent is noted as left out.";
  return `Never stored, because it is not on the list of what may be kept: ${left.join(", ")}.`;
}
