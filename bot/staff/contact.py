"""Whom does an officer call about a draft? Unit, person and telephone as the applicant gave them; the number masked unless asked for."""

from dataclasses import dataclass

from bot.handle import Desk
from flows.types import PersonKey

SHOWN = 4
"""Digits of a number that everybody sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a draft says of whom to call; empty where it was not given."""

    unit: str
    name: str
    mobile: str

    @property
    def masked(self) -> str:
        """The number but for its last digits."""
        hidden = max(0, len(self.mobile) - SHOWN)
        return "*" * hidden + self.mobile[hidden:]


def contact(desk: Desk, person: PersonKey, draft_id: str) -> Contact | None:
    """Whom to call; None where the draft is gone."""
    draft = next((d for d in desk.store.load(person).drafts if d.id == draft_id), None)
    if draft is None:
        return None
    given = {key: str(draft.value(key) or "") for key in ("unit_name", "station_name", "leader_name", "leader_mobile")}
    return Contact(unit=given["unit_name"] or given["station_name"], name=given["leader_name"], mobile=given["leader_mobile"])
