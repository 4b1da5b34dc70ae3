/**
 * Which live sessions of this page have a stream. A browser opens six connections to one origin over HTTP/1.1, in all its
 * windows together: streams that take them all leave none for anything else.
 * @module
 */

/** Streams that a page has at a time. */
const MOST_STREAMS = 2;
/** Events that are on the screen for a shorter time, in milliseconds, were scrolled past. */
const SETTLED_MS = 300;

/** How much a stream is wanted. @enum {number} */
export const WISH = Object.freeze({ none: 0, unfolded: 1, onScreen: 2, held: 3 });

/** All that are made and not ended; of those that want a stream as much as each other, the earlier ones have it. */
let claims = [];
/** The views that are on the screen. @type {Set<Element>} */
const onScreen = new Set();
let settling = null;

/** One for all: looked at one after the other, they would take the streams from each other and give them back. */
const observer = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (isIntersecting) onScreen.add(target);
    else onScreen.delete(target);
  }
  clearTimeout(settling);
  settling = setTimeout(share, SETTLED_MS);
});

/** One session's claim to a stream. */
export class StreamClaim {
  #view;
  #wishOf;
  #onChange;
  /** Waiting: what would be shown is on the screen, and others have the streams. @type {"none"|"waiting"|"granted"} */
  state = "none";

  /**
   * @param {Element} view Where the events are shown.
   * @param {object} options
   * @param {(isOnScreen: boolean) => number} options.wishOf One of {@link WISH}. On screen: not folded away, and scrolled to.
   * @param {() => void} options.onChange The state is another one.
   */
  constructor(view, { wishOf, onChange }) {
    this.#view = view;
    this.#wishOf = wishOf;
    this.#onChange = onChange;
    observer.observe(view);
    claims.push(this);
  }

  /** How much it is wanted now. */
  get wish() {
    return this.#wishOf(onScreen.has(this.#view));
  }

  /** Look again how much it is wanted. @param {{first?: boolean}} [how] First: before those that want one as much. */
  look({ first = false } = {}) {
    if (first && claims.includes(this)) claims = [this, ...claims.filter((claim) => claim !== this)];
    share();
  }

  /** There is nothing to be shown any more. Saying so again changes nothing. */
  end() {
    observer.unobserve(this.#view);
    onScreen.delete(this.#view);
    this.#wishOf = () => WISH.none;
    this.look();
    claims = claims.filter((claim) => claim !== this);
  }

  /** By {@link share}. */
  grant(isGranted) {
    const state = isGranted ? "granted" : this.wish > WISH.unfolded ? "waiting" : "none";
    if (this.state === state) return;
    this.state = state;
    this.#onChange();
  }
}

function share() {
  const wanted = claims.map((claim) => [claim, claim.wish]).filter(([, wish]) => wish > WISH.none);
  const granted = wanted.sort(([, one], [, other]) => other - one).slice(0, MOST_STREAMS).map(([claim]) => claim);
  // Those that have to wait first: the others need their connections.
  for (const claim of claims) if (!granted.includes(claim)) claim.grant(false);
  for (const claim of granted) claim.grant(true);
}
