/**
 * Ending a live session: what it means, and then the receipt.
 * @module
 */

import { Problem } from "../linnet-session.js";
import { ask } from "./dialogs.js";
import { el } from "./dom.js";

/**
 * Ask whether to end it, and end it.
 * @param {ShadowRoot} root
 * @param {object} about
 * @param {string} about.policy The session's.
 * @param {() => Promise<object>} about.end Ends it, and resolves to the receipt.
 * @returns {Promise<object|null>} The receipt; null where it goes on, or was over already.
 */
export async function askToEnd(root, { policy, end }) {
  let receipt = null;
  await ask(root, {
    title: "End this session now?",
    body: [
      el("p", {}, "It then takes no more events, from any device. Whatever sends events to it is told that it is over."),
      el("p", {}, policy === "pinned"
        ? "What was annotated so far is saved, and listed under “Last sessions” with the day until which it is kept."
        : `Nothing of it is kept: the session is ${policy}, so its events and their key are destroyed.`),
    ],
    yes: "End the session",
    no: "Let it go on",
    doing: "Ending the session.",
    submit: async () => {
      try {
        receipt = await end();
      } catch (error) {
        if (!(error instanceof Problem && error.status === 410)) throw error; // else over already, in the same moment
      }
      return null;
    },
  });
  return receipt;
}
