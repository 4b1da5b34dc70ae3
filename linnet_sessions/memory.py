"""What a web process does about Python's cyclic garbage collector, once it has loaded everything."""

import gc

from django.urls import get_resolver

#: New objects before the youngest generation is looked through; and how often the next ones are. Python's own first
#: number, 700, is reached many times within one bulk append, so that what lives for one request grows old.
THRESHOLDS = (20_000, 20, 20)


def settle() -> None:
    """Leave what was loaded out of every later collection.

    A full collection stops the event loop, and with it all streams. Measured with 2,000 of them open: 150 to 275 ms
    every few seconds, for 270,000 objects of which it freed 1 %.
    """
    # Otherwise views are loaded with the first request, which is after the freeze.
    get_resolver().reverse_dict  # noqa: B018
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
