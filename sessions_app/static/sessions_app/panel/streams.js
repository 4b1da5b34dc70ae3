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
const claims = [];

/** One session's claim to a stream. */
export class StreamClaim {
  #wishOf;
  #onChange;
  #observer;
  #settling = null;
  #isOnScreen = false;
  wish = WISH.none;
  /** Waiting: what would be shown is on the screen, and others have the streams. @type {"none"|"waiting"|"granted"} */
  state = "none";

  /**
   * @param {Element} view Where the events are shown.
   * @param {object} options
   * @param {(isOnScreen: boolean) => number} options.wishOf One of {@link WISH}. On screen: not folded away, and scrolled to.
   * @param {() => void} options.onChange The state is another one.
   */
  constructor(view, { wishOf, onChange }) {
    this.#wishOf = wishOf;
    this.#onChange = onChange;
    this.#observer = new IntersectionObserver((seen) => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => {
        this.#isOnScreen = seen.at(-1).isIntersecting;
        this.look();
      }, SETTLED_MS);
    });
    this.#observer.observe(view);
    claims.push(this);
  }

  /** Look again how much it is wanted. @param {{first?: boolean}} [how] First: before those that want one as much. */
  look({ first = false } = {}) {
    if (first) claims.unshift(...claims.splice(claims.indexOf(this), 1));
    this.wish = this.#wishOf(this.#isOnScreen);
    share();
  }

  /** There is nothing to be shown any more. */
  end() {
    this.#observer.disconnect();
    clearTimeout(this.#settling);
    this.#wishOf = () => WISH.none;
    this.look();
    claims.splice(claims.indexOf(this), 1);
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
  const wanted = claims.filter(({ wish }) => wish > WISH.none).sort((one, other) => other.wish - one.wish);
  const granted = wanted.slice(0, MOST_STREAMS);
  // Those that have to wait first: the others need their connections.
  for (const claim of claims) if (!granted.includes(claim)) claim.grant(false);
  for (const claim of granted) claim.grant(true);
}
