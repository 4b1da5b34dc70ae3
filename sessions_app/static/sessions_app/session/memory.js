/**
 * What outlives a reload: the id of the session, and nothing else.
 *
 * The id is a handle, of no use without being signed in as its user. The lease's token is not kept: what a page stores,
 * any script that ever runs on its origin can read, and a reload gets a new one by attaching.
 * @module
 */

const KEY = "linnet-session";
const ID = /^[0-9a-f-]{36}$/;

/** The id of one session. Where there is no storage (private windows, blocked cookies) nothing is remembered. */
export class Memory {
  #storage;

  /** @param {Storage|null} [storage] Default: localStorage. Null: remember nothing. */
  constructor(storage) {
    this.#storage = storage === undefined ? usual() : storage;
  }

  /** @type {string|null} */
  get id() {
    try {
      const id = this.#storage?.getItem(KEY) ?? null;
      return id && ID.test(id) ? id : null;
    } catch {
      return null;
    }
  }

  set id(id) {
    try {
      if (id) this.#storage?.setItem(KEY, id);
      else this.#storage?.removeItem(KEY);
    } catch {
      // Full, or forbidden: then a reload starts without it.
    }
  }
}

function usual() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
