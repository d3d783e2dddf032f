"""Growing waits with jitter between attempts to connect again, within a window. Pure."""

from __future__ import annotations


class Backoff:
    """Counts the attempts since a connection was lost, and computes the wait before each; times are in seconds."""

    def __init__(self, *, base: float = 0.25, longest: float = 5.0, window: float = 60.0) -> None:
        self._base = base
        self._longest = longest
        self._window = window
        self.attempt = 0
        """How many attempts there were."""

    def next(self, elapsed: float, chance: float) -> float | None:
        """The next wait, by a random number of 0 to 1: half to one and a half of the doubling delay, never past the end
        of the window. `None` when the window is over."""
        left = self._window - elapsed
        if left <= 0:
            return None
        delay = min(self._longest, self._base * 2.0 ** min(self.attempt, 30))
        self.attempt += 1
        return min(delay * (0.5 + chance), self._longest, left)
