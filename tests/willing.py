"""An applicant who answers whatever is asked with something sensible that meets the conditions."""

from flows.types import Asking, Turn

_BY_FIELD = {
    "programme": "1",
    "service": "1",
    "consent": "同意",
    "bank_consent": "同意",
    "proceed": "继续",
    "review": "确认",
    "confirm": "否",
    "holds_other_carrier": "否",
    "recognised_on": "2021年1月18日",
    "built_on": "2023年5月",
    "amount_requested": "8万",
    "host_uscc": "91350100MA00000A9T",
    "bank_card": "6222020000000000018",
    "leader_name": "韦建国",
    "leader_mobile": "13900001234",
    "leader_email": "weijianguo@example.com",
    "award_rank": "1",
    "score": "92",
}
_BY_KIND = {"number": "60", "yes_no": "是", "text": "某某人才驿站", "long_text": "情况良好", "choice": "1", "date": "2021年1月18日"}


def answer(asking: Asking) -> str:
    """What the willing applicant says to that question."""
    return _BY_FIELD.get(asking.field) or _BY_KIND[asking.kind]


def goes_to_the_end(talk, limit: int = 90) -> Turn:  # type: ignore[no-untyped-def]  # tests.talk.Talk
    """Answer until the end is reached; fails where it is not."""
    made = talk.say("继续")
    for _ in range(limit):
        if made.stage == "done":
            return made
        assert made.asking is not None, made.replies
        made = talk.say(answer(made.asking))
    raise AssertionError(f"not at the end after {limit} answers, asking {talk.asks}: {talk.text()}")
