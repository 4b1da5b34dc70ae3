/**
 * Naming speakers: one form for a live session and for what is kept of a closed one.
 * @module
 */

import { ask } from "./dialogs.js";
import { el, freshId, isolated } from "./dom.js";
import { colourOf } from "./timeline.js";

/** As long as the service takes. */
const LONGEST_NAME = 80;

/**
 * Ask for names and colours, and store what was changed.
 * @param {ShadowRoot} root
 * @param {object} about
 * @param {string[]} about.speakers The ids, in order.
 * @param {Record<string, object>} about.labels As they are now.
 * @param {(changes: object) => Promise<void>} about.store
 * @returns {Promise<boolean>} Whether anything was changed.
 */
export async function renameSpeakers(root, { speakers, labels, store }) {
  const rows = speakers.map((speaker, index) => row(speaker, labels, index));
  let stored = false;
  await ask(root, {
    title: "Name the speakers",
    body: [
      el("p", {}, "The names are yours alone, and encrypted like all that is kept. A speaker without a name is shown as Linnet calls them, for example “Speaker A”."),
      ...rows.map(({ element }) => element),
    ],
    yes: "Save the names",
    no: "Change nothing",
    doing: "Saving the names.",
    submit: async () => {
      const changes = Object.fromEntries(rows.map(({ speaker, change }) => [speaker, change()]).filter(([, c]) => c));
      if (!Object.keys(changes).length) return null;
      await store(changes);
      stored = true;
      return null;
    },
  });
  return stored;
}

function row(speaker, labels, index) {
  const before = { name: labels[speaker]?.name ?? "", colour: colourOf(speaker, labels, index).toLowerCase() };
  const nameId = freshId("name");
  const colourId = freshId("colour");
  const name = el("input", {
    id: nameId,
    type: "text",
    value: before.name,
    maxlength: LONGEST_NAME,
    dir: "auto",
    autocomplete: "off",
    "data-first": index === 0,
  });
  const colour = el("input", { id: colourId, type: "color", value: before.colour });
  const element = el(
    "fieldset",
    { class: "speaker" },
    el("legend", {}, isolated(speaker)),
    el("div", {}, el("label", { for: nameId }, "Name"), name),
    el("div", {}, el("label", { for: colourId }, "Colour"), colour),
  );
  const change = () => {
    const wanted = {};
    if (name.value.trim() !== before.name) wanted.name = name.value.trim() || null;
    if (colour.value !== before.colour) wanted.colour = colour.value;
    return Object.keys(wanted).length ? wanted : null;
  };
  return { speaker, element, change };
}
