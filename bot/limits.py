"""How often may one person send? A limit per person with one notice, in memory that does not grow with the number of people."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Allowance = Literal["pass", "notice", "drop"]
"""`notice`: over the limit for the first time, to be told so; `drop`: told already, nothing more is said."""


@dataclass(slots=True)
class _Sender:
    times: deque[float] = field(default_factory=deque)
    told: bool = False


class Limiter:
    """At most `count` messages of a person in `seconds`; of at most `people` persons, the longest silent forgotten first.

    For one event loop: it is not locked.
    """

    def __init__(self, count: int = 20, seconds: float = 10.0, people: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.count, self.seconds, self.people, self.clock = count, seconds, people, clock
        self._senders: OrderedDict[str, _Sender] = OrderedDict()

    def __len__(self) -> int:
        """How many persons are remembered."""
        return len(self._senders)

    def allow(self, person: str) -> Allowance:
        """Whether a message that comes now passes; one that does not is not counted, so that waiting always helps."""
        now, sender = self.clock(), self._senders.setdefault(person, _Sender())
        self._senders.move_to_end(person)
        if len(self._senders) > self.people:
            self._senders.popitem(last=False)
        while sender.times and sender.times[0] <= now - self.seconds:
            sender.times.popleft()
        if len(sender.times) <= self.count // 2:
            sender.told = False  # not before: under a steady flood a place comes free again and again
        if len(sender.times) < self.count:
            sender.times.append(now)
            return "pass"
        told, sender.told = sender.told, True
        return "drop" if told else "notice"
