"""How much is measured: for figures that are to be believed, or only to see that all still runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Numbers of runs and sizes."""

    quick: bool

    @property
    def runs(self) -> int:
        """Pairs of a figure."""
        return 3 if self.quick else 5

    @property
    def long_runs(self) -> int:
        """Pairs of a figure whose every run takes several seconds by itself."""
        return 2 if self.quick else 5

    @property
    def seconds(self) -> float:
        """Length of a run that could go on for ever."""
        return 1.0 if self.quick else 3.0

    def pick(self, full: int, quick: int) -> int:
        """A size."""
        return quick if self.quick else full
