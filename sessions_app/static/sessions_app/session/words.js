/**
 * What the client module says to the person.
 * @module
 */

/**
 * What a session can be for its page, and a sentence for the person.
 * @enum {string}
 */
export const STATUS = Object.freeze({
  none: "No session is open on this page.",
  connecting: "Connecting to the session.",
  live: "Connected. Events arrive as they come.",
  hidden: "This page is in the background. The session goes on until its deadline; events are fetched when you come back.",
  suspended: "Events are not fetched at the moment. The session goes on; what it brings meanwhile is fetched later.",
  offline: "The connection is lost. The session goes on until its deadline; connecting is tried again by itself.",
  "signed-out":
    "You are not signed in any more. Sign in again, then reload this page. The session goes on until its deadline.",
  over: "This session is over.",
});

const UNLESS_CONNECTED = "An ephemeral session closes when nobody has been connected to it for its idle time.";
/** An ephemeral session does not go on without its page. */
const EPHEMERAL = {
  hidden: `This page is in the background, and not connected. ${UNLESS_CONNECTED}`,
  suspended: `Events are not fetched at the moment, and this page is not connected. ${UNLESS_CONNECTED}`,
  offline: `The connection is lost; connecting is tried again by itself. ${UNLESS_CONNECTED}`,
  "signed-out": `You are not signed in any more. Sign in again, then reload this page. ${UNLESS_CONNECTED}`,
};

/** @param {keyof typeof STATUS} status @param {string} policy @returns {string} A sentence for the person. */
export function statusText(status, policy) {
  return (policy === "ephemeral" && EPHEMERAL[status]) || STATUS[status];
}

export const HELD = "This page holds the session: what you do here counts as activity in it.";
export const TAKEN_OVER =
  "Another window or device took this session over. Events still arrive here; this page does not change it any more.";
export const TIMED_OUT_ALONE =
  "This session timed out while the service could not be reached, so this page no longer shows it. What was sent " +
  "before is stored as the session's policy says.";

/** Why a session is about to close, by the reason that it would then have. */
export const ABOUT_TO_CLOSE = Object.freeze({
  idle: "It closes then unless something happens in it before.",
  detached: "It closes then unless somebody is connected to it before.",
  max_lifetime: "It closes then in any case, because no session lasts longer. Another one can be started.",
});
