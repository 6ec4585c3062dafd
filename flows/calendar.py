"""How do the dates get into somebody's calendar? An .ics file (RFC 5545): whole days, a reminder seven days before."""

import hashlib
import re
from collections.abc import Iterable
from datetime import date, timedelta

from flows.deadlines import ESTIMATED, Due
from flows.phrases import phrase
from flows.shown import literal
from flows.sources import cited

_FOLD_AT = 75
"""Octets a line may have, RFC 5545 3.1."""


def _escaped(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", literal(text)).replace("\n", "\\n")


def _folded(content: str) -> str:
    """The line in pieces of at most 75 octets, none cutting a character; further pieces begin with a space."""
    pieces, room = [""], _FOLD_AT
    for character in content:
        size = len(character.encode("utf-8"))
        if size > room:
            pieces.append(" ")
            room = _FOLD_AT - 1
        pieces[-1] += character
        room -= size
    return "\r\n".join(pieces)


def _summary(programme: str, found: Due) -> str:
    text = phrase("calendar", "summary", programme=programme, label=found.label)
    whose = phrase("calendar", "whose", whose=found.whose) if found.whose else ""
    return text + whose + (phrase("calendar", "estimated", note=ESTIMATED) if found.estimated else "")


def _event(programme: str, owner: str, found: Due, today: date) -> list[str]:
    uid = hashlib.sha256(f"{programme}\n{owner}\n{found.label}".encode("utf-8", "replace")).hexdigest()[:32]
    summary = _escaped(_summary(programme, found))
    description = "\n".join([*([found.note] if found.note else []), *(cited(c) for c in found.citations)])
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}@yizhan",
        f"DTSTAMP:{today:%Y%m%d}T000000Z",
        f"DTSTART;VALUE=DATE:{found.day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{found.day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{summary}",
        f"DESCRIPTION:{_escaped(description)}",
        "TRANSP:TRANSPARENT",
        *("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-P7D", f"DESCRIPTION:{summary}", "END:VALARM"),
        "END:VEVENT",
    ]


def calendar(programme: str, owner: str, dates: Iterable[Due], today: date) -> bytes | None:
    """The dates that are not past as a calendar; None where there is none.

    `owner` (service and station) makes the events' ids: the same draft's dates replace one another when they are read in again.
    """
    events = [content for found in dates if found.day >= today for content in _event(programme, owner, found, today)]
    if not events:
        return None
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//yizhan//yizhan//ZH", "CALSCALE:GREGORIAN", *events, "END:VCALENDAR"]
    return "".join(f"{_folded(content)}\r\n" for content in whole).encode("utf-8")
