"""How does a page come about? Templates with everything escaped, the addresses of style and script, and the one kind of notice."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Scope

from bot.handle import SHANGHAI
from flows.say import day

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_MISSING = "这个页面不存在，或者链接已经过期。"


@cache
def asset(name: str) -> str:
    """The address of a file of `static/`; it changes with the content, so that browsers may keep it for good."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["asset"] = asset
    made.filters["day"] = _day
    made.filters["moment"] = moment_of
    return made


def _day(value: date) -> str:
    return day(value)


def moment_of(value: datetime | float) -> str:
    """A moment, or seconds since 1970, as staff read it in China."""
    at = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def rendered(template: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
    """The page that the template makes of these values."""
    return HTMLResponse(_environment().get_template(template).render(values), status)


def by_htmx(scope: Scope) -> bool:
    """Whether the page asks for a piece of itself, not for a whole page."""
    return Headers(scope=scope).get("hx-request") == "true"


def notice(scope: Scope, status: int, text: str) -> HTMLResponse:
    """One sentence for the person: a page of its own, or a line for the page that asked."""
    return rendered("notice_line.html" if by_htmx(scope) else "notice.html", {"text": text}, status)


def missing(request: Request) -> HTMLResponse:
    """The one answer to whatever is not there, has expired, or is somebody else's."""
    return notice(request.scope, 404, _MISSING)
