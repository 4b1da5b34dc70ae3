/**
 * Numbers, times and events in words. Times are absolute, in the person's own locale and zone, with the zone's name.
 * @module
 */

import { Problem } from "../linnet-session.js";
import { el, isolated } from "./dom.js";

const MOMENT = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
const EXACT_MOMENT = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const NUMBER = new Intl.NumberFormat(undefined);
/** As the service's sentences tell a moment (`wording.moment_in_words`). */
const TOLD_MOMENT = /(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}) UTC/;

/**
 * @param {string|Date} moment
 * @param {{exact?: boolean}} [how] Exact: with the seconds.
 * @returns {string} Such as "20 Nov 2026, 16:40 GMT+1".
 */
export function momentText(moment, { exact = false } = {}) {
  return (exact ? EXACT_MOMENT : MOMENT).format(new Date(moment));
}

/** The same as an element that machines can read too. @returns {HTMLElement} */
export function time(moment, how) {
  return el("time", { datetime: new Date(moment).toISOString() }, momentText(moment, how));
}

/**
 * What a session is called that is live, or was a moment ago.
 * @param {{topic: string, started_at: string}|null} session Null: nothing is known of it yet.
 * @param {{exact?: boolean}} [how]
 * @returns {(Node|string)[]}
 */
export function titleOf(session, { exact = false } = {}) {
  if (!session) return ["Session"];
  const moment = momentText(session.started_at, { exact });
  if (!session.topic) return [`Session of ${moment}`];
  return ["Session ", isolated(`“${session.topic}”`), exact && ` of ${moment}`].filter(Boolean);
}

/** @param {(Node|string)[]} parts @returns {string} The words of it. */
export function plain(parts) {
  return parts.map((part) => part.textContent ?? part).join("");
}

/**
 * Cards whose titles would be the same tell the seconds.
 * @param {{title: string, exact: boolean}[]} cards `title` is the one without seconds.
 */
export function tellApart(cards) {
  const times = new Map();
  for (const { title } of cards) times.set(title, (times.get(title) ?? 0) + 1);
  for (const card of cards) {
    const exact = times.get(card.title) > 1;
    if (card.exact !== exact) card.exact = exact;
  }
}

/** A sentence of the service; the moments in it are told as all others are. @returns {(Node|string)[]} */
export function sentence(text) {
  return text.split(new RegExp(`(${TOLD_MOMENT.source.replaceAll("(", "(?:")})`)).map((part) => {
    const told = part.match(TOLD_MOMENT);
    return told ? time(`${told[1]}T${told[2]}Z`) : part;
  });
}

/** @returns {string} "1 event", "1,204 events". */
export function counted(number, noun) {
  return `${NUMBER.format(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A length of time. @param {number} seconds @returns {string} "1 hour 5 minutes", "45 seconds". */
export function lengthText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86_400), "day"],
    [Math.floor((whole % 86_400) / 3600), "hour"],
    [Math.floor((whole % 3600) / 60), "minute"],
    [whole % 60, "second"],
  ].filter(([number]) => number);
  return parts.slice(0, 2).map(([number, unit]) => counted(number, unit)).join(" ") || "0 seconds";
}

/** A point in the call. @param {number} seconds @returns {string} "4:07", "1:02:33". */
export function clockText(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** @param {number} bytes @returns {string} */
export function sizeText(bytes) {
  const [divisor, unit] = bytes >= 1e6 ? [1e6, "MB"] : bytes >= 1e3 ? [1e3, "kB"] : [1, "bytes"];
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 }).format(bytes / divisor)} ${unit}`;
}

/** A part of 1. @returns {string} Such as "80 %"; empty when it is not known. */
export function percentText(part) {
  return typeof part === "number" ? `${Math.round(part * 100)} %` : "";
}

const SUBJECTS = {
  tone: "Speaker not known",
  speaker: "Who is speaking",
  queue: "Phone line",
  environ: "Surroundings",
  scene: "Scene",
  accent: "Accent",
  marker: "Marker",
  transcript: "Said",
};

/** What an event is about when it is not the tone of a speaker. @returns {string} */
export function subjectText(event) {
  return SUBJECTS[event.event_type] ?? event.event_type;
}

/** What an event says. @returns {string} */
export function eventText(event) {
  if (event.event_type === "accent") return [event.region, event.language].filter(Boolean).join(", ");
  if (event.event_type === "transcript") return event.text ?? "";
  return event.label ?? "";
}

/** What else a tone event says, in words. @returns {string} */
export function notesText(event) {
  const privacy = event.privacy_risk ? `privacy risk: ${event.privacy_risk}` : "";
  return [event.subtext, ...(event.prosody_flags ?? []), privacy].filter(Boolean).join(" · ");
}

/** What went wrong, and what can be done. @param {Error} error @returns {string} */
export function troubleText(error) {
  if (error instanceof Problem) {
    return [REFUSED[error.code] ?? error.detail, NEXT[error.status]].filter(Boolean).join(" ");
  }
  if (error.name === "Unreachable") return `${error.message} Nothing was changed on this page. Try again in a moment.`;
  return "Something on this page did not work. Reload the page to go on; nothing that is kept is touched by this.";
}

/** Refusals whose `detail` is for people who write programs; the others are told as the service tells them. */
const REFUSED = {
  "E-AUTH-001": "You are not signed in any more.",
  "E-AUTH-002": "The service does not accept this from a page that was opened so long ago. Reload the page, then try again.",
  "E-REQUEST-004": "The service does not accept what was entered here.",
  "E-SERVICE-002": "The service is not available at the moment. Nothing that was confirmed before is lost. Try again in a moment.",
  "E-SESSION-001": "This session is over. What is kept of it is under “Last sessions”.",
  "E-SESSION-002": "This session is not there any more. It may have been deleted in another window or on another device.",
  "E-SESSION-003": "Another page or device holds this session now.",
  "E-VAULT-002": "What was kept of this session is not there any more. The time for keeping it is over, or it was deleted in another window or on another device.",
};

const NEXT = {
  401: "Sign in again, then reload this page.",
  402: "Listing, exporting, renaming and deleting work without it.",
};
