/**
 * Making elements. Text only ever becomes text: nothing here or elsewhere in the panel parses HTML.
 * @module
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `on…` are listeners, `class` and the others attributes; false, null and
 *     undefined leave one out, true gives an empty one.
 * @param {...(Node|string|number|null|false)} children Strings become text.
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. @returns {SVGElement} */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

/** Text from people, whose direction must not leak into what stands around it. @returns {HTMLElement} */
export function isolated(text) {
  return el("bdi", {}, text);
}

let used = 0;

/** An id for labels, of which there is one in its tree. */
export function freshId(about) {
  used += 1;
  return `${about}-${used}`;
}

/** A button that can't be pressed twice while its work is under way, and whose failures are told beside it. */
export function button(label, work, attributes = {}) {
  const made = el("button", { type: "button", ...attributes, onclick: async () => {
    if (made.getAttribute("aria-disabled") === "true") return;
    // Not `disabled`: that would take the focus away from whoever pressed it.
    made.setAttribute("aria-disabled", "true");
    try {
      await work();
    } finally {
      made.removeAttribute("aria-disabled");
    }
  } }, label);
  return made;
}

/** The buttons of a card. Many cards have the same ones: each says by its description which card it belongs to. */
export function actions(titleId, ...buttons) {
  for (const made of buttons.filter(Boolean)) made.setAttribute("aria-describedby", titleId);
  return el("div", { class: "actions" }, ...buttons);
}

/** A part of the panel under a heading of its own, hidden at first. @returns {{element: HTMLElement, heading: HTMLElement}} */
export function section(title, ...children) {
  const id = freshId("section");
  const heading = el("h2", { id }, title);
  return { element: el("section", { "aria-labelledby": id, hidden: true }, heading, ...children), heading };
}

/** Put the focus on something that is not a control, such as a heading. */
export function focusOn(element) {
  element.setAttribute("tabindex", "-1");
  element.focus();
}
