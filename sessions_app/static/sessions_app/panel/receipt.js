/**
 * The receipt of a session that is over: why it ended, what is kept of it, until when, and what can be done.
 * @module
 */

import { actions, button, el, freshId } from "./dom.js";
import { counted, plain, sentence, titleOf, troubleText } from "./words.js";

/** A card in the panel. What could not be read when the session ended is read later, and so is what is different by then. */
export class Receipt {
  #host;
  #about;
  #receipt = null;
  /** Whether the panel's call tells of the session too. */
  #isListed = false;
  #exact = false;
  #heading;
  #because = el("p");
  #facts = el("div");
  #resume;
  #trouble = el("p", { class: "trouble", role: "status" });

  /**
   * @param {object} host What the panel lends to its parts.
   * @param {object} about
   * @param {string} about.session The session's id.
   * @param {object|null} about.live What was known of it while it was live.
   * @param {string} about.because Why it ended, while there is no receipt to say so.
   * @param {object|null} about.receipt The service's, or null when it could not be read yet.
   * @param {object|null} about.snapshot What can be brought back, as far as is known without the receipt.
   */
  constructor(host, about) {
    this.#host = host;
    this.#about = about;
    const id = freshId("receipt");
    this.#heading = el("h3", { id, tabindex: "-1" });
    this.exact = false;
    this.#resume = button("Resume this session", () => this.#bringBack());
    this.element = el(
      "article",
      { class: "card receipt", "aria-labelledby": id, "data-session": about.session },
      this.#heading,
      this.#because,
      this.#facts,
      actions(id, this.#resume, button("Close this receipt", () => host.drop(this))),
      this.#trouble,
    );
    this.#show(about.receipt);
  }

  /** Whether the service itself has said that the session is over. Without that the page may have decided alone. */
  get isConfirmed() {
    return this.#receipt !== null;
  }

  /** What it is called, without the seconds. */
  get title() {
    return plain(titleOf(this.#about.live));
  }

  get exact() {
    return this.#exact;
  }

  /** @param {boolean} exact Whether the title tells the seconds, because others have the same without them. */
  set exact(exact) {
    this.#exact = exact;
    this.#heading.replaceChildren("Receipt: ", ...titleOf(this.#about.live, { exact }));
  }

  /**
   * Read what could not be read before, or is not so any more.
   * @param {object} [kept] What the panel's call tells of it now. Nothing: it was deleted, or there are newer ones.
   */
  async read(kept) {
    const isSo = kept ? kept.kept_because === this.#receipt?.kept_because : !this.#isListed;
    if (!this.isConfirmed || !isSo) {
      try {
        this.#show(await this.#host.api.call("GET", `sessions/${this.#about.session}/receipt/`));
      } catch (error) {
        // Not saved yet, or nobody answers: it is asked again.
        if (error.status === 404) this.#host.drop(this);
        return;
      }
    }
    this.#isListed = Boolean(kept);
  }

  focus() {
    this.#heading.focus();
  }

  get #snapshot() {
    return this.#receipt ? this.#receipt.snapshot : this.#about.snapshot;
  }

  #show(receipt) {
    this.#receipt = receipt;
    this.#because.textContent = receipt?.ended_because ?? this.#about.because;
    this.#facts.replaceChildren(receipt ? told(receipt) : el("p", {}, untold(this.#about.live?.policy ?? "pinned")));
    this.#resume.hidden = !this.#snapshot;
  }

  async #bringBack() {
    try {
      await this.#host.resume(this.#snapshot.id);
      this.#host.drop(this);
    } catch (error) {
      this.#trouble.textContent = troubleText(error);
    }
  }
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

function untold(policy) {
  if (policy === "pinned") return "What is kept of it is shown here as soon as it can be read.";
  return `The session was ${policy}: nothing of it is kept after its end.`;
}

function withheldText(withheld) {
  if (withheld === null) return "Whether anything was left out can't be read at the moment.";
  const left = Object.entries(withheld).map(([name, count]) => `${name} (${count})`);
  if (!left.length) return "Nothing that was sent is noted as left out.";
  return `Never stored, because it is not on the list of what may be kept: ${left.join(", ")}.`;
}
