/**
 * Questions to the person, as native dialogs. Nothing is sent before the answer; Escape and the first button change
 * nothing. What was sent is waited for: until then there is nothing left that could be called off.
 * @module
 */

import { el, freshId } from "./dom.js";
import { troubleText } from "./words.js";

/**
 * Ask.
 * @param {ShadowRoot|HTMLElement} root Where the dialog lives.
 * @param {object} question
 * @param {string} question.title
 * @param {Element[]} question.body
 * @param {string} question.yes The button that does it.
 * @param {string} question.no The button that leaves everything as it is. It has the focus, unless the body asks for it.
 * @param {string} [question.doing] What is shown until it is done.
 * @param {() => Promise<string|null>} question.submit Does it, while the dialog stays open; resolves to null when done,
 *     or to a sentence about what is wrong with the input. That, or what it rejects with, is shown in the dialog.
 * @returns {Promise<boolean>} Whether it was confirmed and done.
 */
export function ask(root, { title, body, yes, no, doing = "Sent. Waiting for the service to answer.", submit }) {
  const titleId = freshId("title");
  const told = el("p", { class: "trouble", role: "status" });
  const cancel = el("button", { type: "button" }, no);
  const confirm = el("button", { type: "submit", class: "main" }, yes);
  const form = el(
    "form",
    { novalidate: true },
    el("h2", { id: titleId }, title),
    body,
    told,
    el("div", { class: "actions" }, cancel, confirm),
  );
  // Who hears the page is told what is asked, and not only where the focus is; what is filled in has names of its own.
  const described = body.filter((part) => !part.querySelector("input"));
  for (const part of described) part.id = freshId("about");
  // It stands beside the panel in its root, and would take language and direction from the page.
  const dialog = el("dialog", { "aria-labelledby": titleId, "aria-describedby": described.map(({ id }) => id).join(" "), lang: "en", dir: "ltr" }, form);
  const about = root.activeElement?.closest("[data-session]")?.dataset.session;
  root.append(dialog);
  return new Promise((resolve) => {
    let waiting = false;
    let confirmed = false;
    const wait = (now) => {
      waiting = now;
      for (const button of [cancel, confirm]) button.setAttribute("aria-disabled", String(now));
      if (now) told.textContent = doing;
    };
    const open = () => {
      dialog.showModal();
      (form.querySelector("[data-first]") ?? cancel).focus();
    };
    cancel.addEventListener("click", () => waiting || dialog.close());
    dialog.addEventListener("cancel", (event) => waiting && event.preventDefault());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (waiting) return;
      wait(true);
      let wrong = null;
      try {
        wrong = await submit();
      } catch (error) {
        wrong = troubleText(error);
      } finally {
        wait(false);
      }
      told.textContent = wrong ?? "";
      if (wrong !== null) return;
      confirmed = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      // A second Escape closes it whatever the page says. What is under way has its outcome told here all the same.
      if (waiting && dialog.isConnected) return open();
      dialog.remove();
      // Whoever asked may be replaced by now: the focus goes to what is there instead.
      if (about && !root.activeElement) root.querySelector(`[data-session="${about}"] h3`)?.focus();
      resolve(confirmed);
    });
    open();
  });
}

/** Take away what is being asked, unanswered: what it was about is not shown any more. */
export function dismiss(root) {
  for (const dialog of root.querySelectorAll("dialog")) {
    dialog.remove();
    dialog.dispatchEvent(new Event("close"));
  }
}
