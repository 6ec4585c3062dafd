"""What can a push on WeChat hold? The JSON of `Push.body`, made here by whoever posts one and read by the sender."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An `answer` to a message, found in the store by its id; the `preview` picture of that answer's form; or words of its own:
    a `text`, which also has fields for a 订阅通知 where it is a reminder."""

    kind: Literal["answer", "preview", "text"]
    message: str = ""
    text: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    """Field of the template → its value, as `{"thing1": "…", "date2": "…"}`."""
    draft: str = ""
    """The draft whose page the notice opens."""


def to_json(body: Body) -> str:
    """The body as `Push.body` holds it."""
    return json.dumps(asdict(body), ensure_ascii=False)


def from_json(body: str) -> Body:
    """What `to_json` wrote. ValueError, TypeError or KeyError for anything else."""
    return Body(**json.loads(body))


def push_id(kind: str, openid: str, message: str) -> str:
    """The id of the one push of that kind for that message: posting it twice keeps the first."""
    return f"{kind}-{hashlib.blake2b(f'{openid} {message}'.encode(), digest_size=16).hexdigest()}"
