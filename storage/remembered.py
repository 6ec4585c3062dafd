"""Which sessions need not be read again? The last ones used, as long as no other program wrote to the database."""

from collections import OrderedDict

from flows.types import PersonKey, Session
from storage.rows import Parts

Known = tuple[Session, Parts]


class Remembered:
    """At most `limit` sessions as they are stored; none that holds sensitive answers, which stay in memory no longer than a turn."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[PersonKey, Known] = OrderedDict()
        self._version = 0

    def get(self, person: PersonKey, version: int) -> Known | None:
        """The person's session, if it is known and the database still has the version under which it was kept."""
        if version != self._version:
            self._known.clear()
            self._version = version
        return self._known.get(person)

    def keep(self, session: Session, parts: Parts) -> None:
        """Remember what was just read or committed, which is no older than the version last given to `get`."""
        if self._limit and not any(answer.sensitive for draft in session.drafts for answer in draft.answers):
            self._known[session.person] = (session, parts)
            self._known.move_to_end(session.person)
            if len(self._known) > self._limit:
                self._known.popitem(last=False)

    def drop(self, person: PersonKey) -> None:
        """Forget the person's session: it is about to change."""
        self._known.pop(person, None)

    def clear(self) -> None:
        """Forget all: the connection is gone."""
        self._known.clear()
