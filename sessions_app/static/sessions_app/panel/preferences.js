/**
 * The user's preferences, as a form.
 * @module
 */

import { Problem } from "../linnet-session.js";
import { el, freshId } from "./dom.js";
import { troubleText } from "./words.js";

const POLICIES = [
  ["", "What my plan gives", "Pinned with a paid plan, ephemeral without one."],
  ["pinned", "Pinned: kept after it closes", "Closes 30 minutes after the last activity, unless the operator set another time. What was annotated is then encrypted and kept."],
  ["ephemeral", "Ephemeral: nothing is kept", "Closes 90 seconds after the last device was connected, unless the operator set another time, and is deleted."],
  ["private", "Private: nothing is kept, more time", "Closes 45 minutes after the last activity, unless the operator set another time, and is deleted."],
];

/** Numbers: the name in the API, the label, what it means, and whether it may be left empty. */
const NUMBERS = [
  ["retention_days", "Keep closed sessions for at most this many days", "Empty: the usual time of the service. A number can only shorten that time, and only for sessions that close from now on.", true, 1, 3650],
  ["recent_limit", "Show this many of the last sessions", "From 1 to 50. It deletes nothing.", false, 1, 50],
  ["notice_lead_s", "Tell this many seconds before a session closes that it is about to close", "0: it is not told before.", false, 0, 3600],
];

/** The form, once the preferences are known. What the service does not offer is not shown. */
export class Preferences {
  #host;
  #fields = {};
  #message = el("p", { class: "trouble", role: "status" });
  #known = null;

  constructor(host) {
    this.#host = host;
    this.element = el("form", { novalidate: true, onsubmit: (event) => this.#submit(event) });
  }

  /** Nothing that one user entered stays for the next. */
  empty() {
    this.#known = null;
    this.#fields = {};
    this.#message.textContent = "";
    this.element.replaceChildren();
  }

  /** @param {object} preferences As the API gives them. What a person is just typing is left alone. */
  update(preferences) {
    const first = this.#known === null;
    if (first) this.#build(preferences);
    for (const [name, { input }] of Object.entries(this.#fields)) {
      const value = asText(preferences[name]);
      if (first || input.value === asText(this.#known[name])) input.value = value;
    }
    this.#known = preferences;
  }

  #build(preferences) {
    const rows = [this.#policy()];
    for (const [name, label, about, mayBeEmpty, min, max] of NUMBERS) {
      if (name in preferences) rows.push(this.#number(name, label, about, { mayBeEmpty, min, max }));
    }
    this.element.append(...rows, el("div", { class: "actions" }, el("button", { type: "submit" }, "Save preferences")), this.#message);
  }

  #policy() {
    const options = POLICIES.map(([value, label]) => el("option", { value }, label));
    const input = el("select", {}, options);
    const row = this.#row("default_policy", "A new session is", input, "");
    row.append(el("dl", { class: "choices" }, POLICIES.map(([, label, about]) => [el("dt", {}, label), el("dd", {}, about)])));
    return row;
  }

  #number(name, label, about, { mayBeEmpty, min, max }) {
    const input = el("input", { type: "number", inputmode: "numeric", step: "1", min, max, required: !mayBeEmpty });
    return this.#row(name, label, input, about);
  }

  #row(name, label, input, about) {
    input.id = freshId(name);
    const hint = el("p", { id: freshId("hint"), class: "hint" }, about);
    const wrong = el("p", { id: freshId("wrong"), class: "wrong" });
    input.setAttribute("aria-describedby", `${hint.id} ${wrong.id}`);
    this.#fields[name] = { input, wrong };
    return el("div", { class: "field" }, el("label", { for: input.id }, label), input, hint, wrong);
  }

  async #submit(event) {
    event.preventDefault();
    this.#message.textContent = "";
    const changes = {};
    let firstWrong = null;
    for (const [name, { input, wrong }] of Object.entries(this.#fields)) {
      wrong.textContent = input.validity.valid ? "" : rangeText(input);
      input.toggleAttribute("aria-invalid", false);
      if (!input.validity.valid) {
        input.setAttribute("aria-invalid", "true");
        firstWrong ??= input;
      } else if (input.value !== asText(this.#known[name])) changes[name] = valueOf(input);
    }
    if (firstWrong) return firstWrong.focus();
    if (!Object.keys(changes).length) return void (this.#message.textContent = "Nothing was changed.");
    try {
      this.#known = await this.#host.api.call("PATCH", "settings/", { body: changes });
      this.#message.textContent = "Saved.";
      this.#host.refreshSoon();
    } catch (error) {
      this.#refused(error);
    }
  }

  #refused(error) {
    const faults = error instanceof Problem ? (error.document.errors ?? []) : [];
    const known = faults.filter(({ field }) => field in this.#fields);
    for (const { field, message } of known) {
      const { input, wrong } = this.#fields[field];
      wrong.textContent = message;
      input.setAttribute("aria-invalid", "true");
    }
    if (known.length) this.#fields[known[0].field].input.focus();
    else this.#message.textContent = troubleText(error);
  }
}

/** In the panel's own language, and with what can be done: the browser's words are in the browser's. */
function rangeText({ min, max, required }) {
  return `Enter a whole number from ${min} to ${max}${required ? "" : ", or nothing"}.`;
}

function asText(value) {
  return value === null || value === undefined ? "" : String(value);
}

function valueOf(input) {
  if (input.type !== "number") return input.value;
  return input.value === "" ? null : Number(input.value);
}
