/**
 * A session's timeline: a picture of the tones by speaker, and the same as a table.
 *
 * The picture is made of SVG attributes alone, so that it needs no inline styles; names stand beside it as text, where
 * they wrap and keep their own direction.
 * @module
 */

import { button, el, freshId, isolated, svg } from "./dom.js";
import { clockText, counted, eventText, notesText, percentText, subjectText } from "./words.js";

/** Muted, and told apart by people who see few colours: their lightness differs too. */
export const PALETTE = ["#7c9eb2", "#c9b79c", "#6f8f7f", "#b8a9c9", "#a67f78", "#9fb8ad", "#5f7488", "#d0b8ac"];
const HEIGHT = 56;
const MIDDLE = 34;
const SWING = 12;
const TICKS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
const TICK_SPACE = 72;
const NARROWEST = 220;
/** A tone is drawn until the next one, but no longer than this, in seconds. */
const LONGEST_MARK_S = 8;
/** Marks are no closer than this, in pixels: of more tones in less room nobody sees anything. */
const MARK_SPACE = 6;
const TICK_WIDTH = 44;
/** No speaker's id is empty. */
const NOBODY = "";
const ROWS_AT_A_TIME = 200;
const LABEL_LENGTH = 24;
const LETTER_WIDTH = 6.6;

/** Who spoke: the ids in order of appearance, then those that only have a name. @returns {string[]} */
export function speakersOf(events, labels) {
  const ids = events.filter((event) => event.speaker_id).map((event) => event.speaker_id);
  return [...new Set([...ids, ...Object.keys(labels)])];
}

/** The name a person gave, or the id. */
export function nameOf(speaker, labels) {
  return labels[speaker]?.name || speaker;
}

/** The colour a person gave, or one of the palette. */
export function colourOf(speaker, labels, index) {
  return labels[speaker]?.colour ?? PALETTE[index % PALETTE.length];
}

/**
 * The timeline of a session.
 * @param {object} content
 * @param {object[]} content.events Oldest first.
 * @param {Record<string, {name?: string, colour?: string}>} content.speakers
 * @param {string} [titleId] The id of what names the session.
 * @returns {HTMLElement}
 */
export function timeline({ events, speakers }, titleId = "") {
  if (!events.length) return el("p", {}, "Nothing was annotated in this session.");
  return el("div", { class: "timeline" }, picture(events, speakers), table(events, speakers, titleId));
}

function picture(events, labels) {
  const tones = events.filter((event) => event.event_type === "tone");
  if (!tones.length) return el("p", {}, "There is no tone in this session to draw. The table shows what there is.");
  // Not spread into one call: a long session has more events than a call takes arguments.
  const length = events.reduce((latest, { timestamp }) => Math.max(latest, timestamp), 1);
  const ids = [...new Set(tones.map((tone) => tone.speaker_id || NOBODY))];
  // As where colours are chosen: by the place among all who spoke. Nobody comes after them.
  const speakers = [...speakersOf(events, labels), NOBODY];
  const colours = ids.map((id) => colourOf(id, labels, speakers.indexOf(id)));
  const drawn = el("div", { class: "lanes" });
  const few = el("span");
  const draw = (width) => {
    const scale = { width, length, most: Math.floor(width / MARK_SPACE), x: (s) => (s / (length + LONGEST_MARK_S)) * width };
    const own = ids.map((id) => tones.filter((tone) => (tone.speaker_id || NOBODY) === id));
    drawn.replaceChildren(...ids.map((id, index) => lane(id, colours[index], own[index], labels, scale)), axis(scale));
    const thinned = own.some((lane) => lane.length > scale.most);
    few.textContent = thinned ? " There is no room for every tone: some are left out, evenly. The table has them all." : "";
  };
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = Math.max(NARROWEST, Math.floor(entry.contentRect.width));
    if (now !== width) draw((width = now));
  }).observe(drawn);
  const valence = tones.some((tone) => typeof tone.valence === "number");
  const caption = valence ? "A mark above the line is a more pleasant tone, one below it a less pleasant one." : "";
  return el(
    "figure",
    {},
    el("figcaption", {}, `Tone over time, in minutes and seconds from the start. ${caption}`.trim(), few),
    drawn,
  );
}

function lane(id, colour, tones, labels, scale) {
  const own = thinned(tones, scale.most);
  const first = clockText(tones[0].timestamp);
  const last = clockText(tones.at(-1).timestamp);
  const about = `${counted(tones.length, "tone")} from ${first} to ${last}. The table holds the same.`;
  const drawing = svg("svg", { viewBox: `0 0 ${scale.width} ${HEIGHT}`, height: HEIGHT, role: "img", "aria-label": about });
  drawing.append(svg("line", { x1: 0, x2: scale.width, y1: MIDDLE, y2: MIDDLE, class: "middle" }));
  let labelEnds = -Infinity;
  own.forEach((tone, place) => {
    const [mark, x] = markOf(tone, own[place + 1], colour, scale);
    drawing.append(mark);
    const text = shortened(tone.label);
    const width = [...text].length * LETTER_WIDTH;
    if (x < labelEnds || x + width > scale.width) return;
    labelEnds = x + width + LETTER_WIDTH;
    drawing.append(svg("text", { x, y: 12, class: "tone" }, text));
  });
  const swatch = svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" });
  swatch.append(svg("rect", { x: 1, y: 1, width: 10, height: 10, rx: 2, fill: colour, class: "mark" }));
  return el("div", { class: "lane" }, el("p", {}, swatch, " ", isolated(id === NOBODY ? subjectText(tones[0]) : nameOf(id, labels))), drawing);
}

function markOf(tone, next, colour, { x }) {
  const until = Math.min(next?.timestamp ?? Infinity, tone.timestamp + LONGEST_MARK_S);
  const from = x(tone.timestamp);
  const y = MIDDLE - 5 - (tone.valence ?? 0) * SWING;
  const width = Math.max(4, x(until) - from - 1);
  const mark = svg("rect", { x: from, y, width, height: 10, rx: 3, fill: colour, class: "mark" });
  // Marks of direction inside a label must not turn the numbers around it.
  const told = `${clockText(tone.timestamp)} \u2068${tone.label}\u2069 ${percentText(tone.confidence)}`;
  mark.append(svg("title", {}, told.trim()));
  return [mark, from];
}

function axis({ width, length, x }) {
  const most = width / TICK_SPACE;
  const step = TICKS_S.find((tick) => length / tick <= most) ?? 14_400;
  const drawing = svg("svg", { viewBox: `0 0 ${width} 20`, height: 20, "aria-hidden": "true" });
  for (let at = 0; at <= length; at += step) {
    drawing.append(svg("line", { x1: x(at), x2: x(at), y1: 0, y2: 5, class: "tick" }));
    if (x(at) + TICK_WIDTH <= width) drawing.append(svg("text", { x: x(at), y: 17, class: "tick" }, clockText(at)));
  }
  return drawing;
}

/** At most so many, taken evenly. */
function thinned(tones, most) {
  if (tones.length <= most) return tones;
  return Array.from({ length: most }, (_, place) => tones[Math.floor((place * tones.length) / most)]);
}

function shortened(text) {
  const letters = [...text];
  return letters.length <= LABEL_LENGTH ? text : `${letters.slice(0, LABEL_LENGTH - 1).join("")}…`;
}

function table(events, labels, titleId) {
  const captionId = freshId("table");
  const body = el("tbody");
  const more = el("p");
  const show = (from) => {
    const until = Math.min(from + ROWS_AT_A_TIME, events.length);
    body.append(...events.slice(from, until).map((event) => row(event, labels)));
    const left = events.length - until;
    more.replaceChildren(
      ...(left ? [button(`Show ${Math.min(left, ROWS_AT_A_TIME)} more of ${counted(left, "event")}`, () => show(until))] : []),
    );
    if (from) body.rows[from].cells[0].focus();
  };
  const head = ["Time", "Speaker or subject", "What", "How sure", "Notes"];
  const made = el(
    "details",
    { class: "equivalent" },
    el("summary", {}, `The same as a table (${counted(events.length, "event")})`),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": `${captionId} ${titleId}`.trim() },
      el(
        "table",
        {},
        el("caption", { id: captionId }, "All events of the session"),
        el("thead", {}, el("tr", {}, head.map((title) => el("th", { scope: "col" }, title)))),
        body,
      ),
    ),
    more,
  );
  // Thousands of rows that nobody may ask for are not made before somebody does.
  made.addEventListener("toggle", () => body.rows.length || show(0));
  return made;
}

function row(event, labels) {
  const who = event.speaker_id ? isolated(nameOf(event.speaker_id, labels)) : subjectText(event);
  return el(
    "tr",
    {},
    el("th", { scope: "row", tabindex: "-1" }, clockText(event.timestamp)),
    el("td", {}, who),
    el("td", {}, isolated(eventText(event))),
    el("td", {}, percentText(event.confidence)),
    el("td", {}, isolated(notesText(event))),
  );
}
