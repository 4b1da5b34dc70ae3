"""What will happen, from the seed alone: the faults in their order, and what each client does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

#: Faults from outside, and how often each comes beside the others. The dear ones (a whole process group has to be
#: started anew) are rare.
FAULTS = {
    "web child": 40.0,
    "pool child": 24.0,
    "terminated backend": 40.0,
    "web group": 1.5,
    "worker group": 1.5,
    "beat": 1.0,
    "broker outage": 1.5,
}
#: Faults of the servers themselves, which are the harness's own.
SERVER_FAULTS = {
    "killed backend": 4.0,
    "postgres killed": 1.0,
    "redis killed": 1.0,
    "rabbitmq killed": 1.0,
}

STEPS = {
    "append": 60.0,
    "touch": 8.0,
    "attach": 6.0,
    "append with an old token": 6.0,
    "duel": 5.0,
    "append twice at once": 4.0,
    "read": 8.0,
    "import": 3.0,
    "start again": 3.0,
    "append at the deadline": 2.0,
    "write past the deadline": 2.0,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, so many seconds after the one before. ``pick`` (0 to 1) chooses among what it can hit."""

    after_s: float
    kind: str
    pick: float


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a client does with its session."""

    kind: str
    events: int
    pause_s: float
    #: How long ago the activity was, as the client reports it; None: it reports nothing.
    ago_s: float | None
    #: 0 to 1: chooses among tokens, snapshots and so on; and how far from the deadline.
    pick: float


@dataclass(frozen=True, slots=True)
class Episode:
    """A session's life as its client wants it."""

    topic: str
    #: Go on from an earlier snapshot, if there is one.
    imports: bool
    #: Seconds of activity until the absolute maximum is over; 0: as many steps as there are.
    outlasts: bool
    ends: bool
    pick: float
    steps: list[Step] = field(default_factory=list)


def faults(seed: int, *, mean_gap_s: float, kinds: dict[str, float]) -> Iterator[Fault]:
    """The faults from outside, without an end."""
    rng = Random(f"{seed}:faults")
    names, weights = list(kinds), list(kinds.values())
    while True:
        (kind,) = rng.choices(names, weights)
        yield Fault(rng.expovariate(1 / mean_gap_s), kind, rng.random())


def episodes(seed: int, client: int) -> Iterator[Episode]:
    """What one client does, without an end."""
    rng = Random(f"{seed}:client:{client}")
    number = 0
    while True:
        number += 1
        outlasts = rng.random() < 0.03
        yield Episode(
            topic=f"call-{client}-{number}" if rng.random() < 0.4 else "",
            imports=rng.random() < 0.25,
            outlasts=outlasts,
            ends=rng.random() < 0.6,
            pick=rng.random(),
            steps=[_step(rng) for _ in range(200 if outlasts else rng.randint(2, 16))],
        )


def _step(rng: Random) -> Step:
    (kind,) = rng.choices(list(STEPS), list(STEPS.values()))
    return Step(
        kind=kind,
        events=rng.randint(1, 5),
        pause_s=rng.choice([0, 0, rng.uniform(0, 0.25)]),
        ago_s=rng.uniform(0, 1) if rng.random() < 0.2 else None,
        pick=rng.random(),
    )
