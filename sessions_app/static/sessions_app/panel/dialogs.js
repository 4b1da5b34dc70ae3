/**
 * Questions to the person, as native dialogs. Nothing is sent before the answer; Escape and the first button change nothing.
 * @module
 */

import { el, freshId } from "./dom.js";

/**
 * Ask.
 * @param {ShadowRoot|HTMLElement} root Where the dialog lives.
 * @param {object} question
 * @param {string} question.title
 * @param {(Node|string)[]} question.body
 * @param {string} question.yes The button that does it.
 * @param {string} question.no The button that leaves everything as it is. It has the focus, unless the body asks for it.
 * @param {(form: FormData) => Promise<string|null>} [question.submit] Does it, while the dialog stays open; resolves to
 *     null when done, or to a sentence about what is wrong with the input, shown in the dialog.
 * @returns {Promise<boolean>} Whether it was confirmed (and, with `submit`, done).
 */
export function ask(root, { title, body, yes, no, submit }) {
  const titleId = freshId("title");
  const trouble = el("p", { class: "trouble", role: "status" });
  const cancel = el("button", { type: "button" }, no);
  const confirm = el("button", { type: "submit", class: "main" }, yes);
  const form = el(
    "form",
    { novalidate: true },
    el("h2", { id: titleId }, title),
    body,
    trouble,
    el("div", { class: "actions" }, cancel, confirm),
  );
  const dialog = el("dialog", { "aria-labelledby": titleId }, form);
  root.append(dialog);
  return new Promise((resolve) => {
    let confirmed = false;
    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (confirm.getAttribute("aria-disabled") === "true") return;
      confirm.setAttribute("aria-disabled", "true");
      const wrong = submit ? await submit(new FormData(form)) : null;
      confirm.removeAttribute("aria-disabled");
      if (wrong !== null) {
        trouble.textContent = wrong;
        return;
      }
      confirmed = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(confirmed);
    });
    dialog.showModal();
    (form.querySelector("[data-first]") ?? cancel).focus();
  });
}
