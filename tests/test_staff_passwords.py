"""What makes a password, how it is kept, and that many log-ins at once cost no more memory than two."""

import asyncio
import re
import resource

import pytest

from bot.staff import passwords
from bot.staff.passwords import AT_ONCE, WAITING, Crowded, Passwords, objection, weak_words

GOOD = ["tK7#vq9Lm2", "purple-kettle-ninety", "hw9dkq2mzx7p", "青山绿水红花白云长河落日", "love-letters-from-saturn"]
WEAK = [
    "Passw0rd!2026",
    "P@ssw0rdP@ssw0rd",
    "Qwer!asdf@1234",
    "1qaz2wsx3edc4rfv",
    "abcdefghijklmnop",
    "zyxwvutsrqponm",
    "aaaaaaaaaaaaaaaa",
    "abxabxabxabxabx",
    "13812345678@abcd",
    "zhangwei19880808",
    "Renshe@2026renshe",
    "woaini5201314woaini",
    "admin.admin.Admin1",
    "correct horse battery staple",
    "20261122-20261123",
    "WangFang1990!x",
    "王芳王芳王芳王芳1990年人才驿站",
    "iloveyou123456789",
]


@pytest.mark.parametrize("password", GOOD)
def test_long_and_uncommon_will_do(password: str) -> None:
    assert objection(password, "王芳") == ""


@pytest.mark.parametrize("password", WEAK)
def test_common_parts_will_not_do_however_many(password: str) -> None:
    assert "太容易猜到" in objection(password, "王芳")


@pytest.mark.parametrize("name", ["Huelsmeyer Kunigunde", "kunigunde"])
def test_the_own_name_is_a_common_part(name: str) -> None:
    assert "太容易猜到" in objection("Kunigunde!Huelsm", "Huelsm Kunigunde")
    assert "太容易猜到" in objection(f"{name.replace(' ', '')}#1", name)


@pytest.mark.parametrize(
    ("password", "told"),
    [("Zq8#vT2mL", "太短"), ("zq8vt2mlwxk", "太短"), ("zq8vt2mlwxkp", ""), ("Zq8#vT2mLw", ""), ("", "太短"), ("ū" * 129, "太长")],
)
def test_the_limits_of_length(password: str, told: str) -> None:
    assert told in objection(password, "王芳")
    assert bool(told) is bool(objection(password, "王芳"))


def test_the_list_of_common_parts_is_long_and_folded() -> None:
    assert len(weak_words()) >= 300
    assert all(word == word.casefold() for word in weak_words())
    assert all(len(word) > 2 or not word.isascii() for word in weak_words())


async def test_what_is_kept_is_argon2id_with_its_own_salt_and_fits_that_password_alone() -> None:
    keeper = Passwords()
    first, second = await keeper.hashed("tK7#vq9Lm2"), await keeper.hashed("tK7#vq9Lm2")
    assert first != second
    assert first.startswith(f"$argon2id$v=19$m={passwords.MEMORY_KIB},t={passwords.ROUNDS},p=1$")
    assert await keeper.fits(first, "tK7#vq9Lm2")
    assert not await keeper.fits(first, "tK7#vq9Lm3")
    assert not await keeper.fits(first, "")
    assert not await keeper.fits("no hash", "tK7#vq9Lm2")


async def test_a_password_is_the_same_however_the_keyboard_composed_it() -> None:
    keeper = Passwords()
    kept = await keeper.hashed("café-Ａ-鍵盤-ninety")
    assert await keeper.fits(kept, "cafe\u0301-A-鍵盤-ninety")


async def test_where_there_is_no_account_as_much_is_done() -> None:
    keeper = Passwords()
    kept = await keeper.hashed("tK7#vq9Lm2")
    parameters = re.compile(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$")
    assert parameters.match(passwords._NOBODY)[0] == parameters.match(kept)[0]  # type: ignore[index]
    assert [len(part) for part in passwords._NOBODY.split("$")[4:]] == [len(part) for part in kept.split("$")[4:]]
    assert not await keeper.fits("", "")
    assert keeper.checked == 1


async def test_fifty_at_once_wait_or_are_sent_away_and_memory_stays_bounded() -> None:
    keeper = Passwords()
    kept = await keeper.hashed("tK7#vq9Lm2")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = await asyncio.gather(*(keeper.fits(kept, "tK7#vq9Lm2") for _ in range(50)), return_exceptions=True)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert found.count(True) == AT_ONCE + WAITING
    assert sum(isinstance(one, Crowded) for one in found) == 50 - AT_ONCE - WAITING
    assert grown < AT_ONCE * passwords.MEMORY_KIB / 1024 + 50  # fifty would be 2,300 MB
    assert await keeper.fits(kept, "tK7#vq9Lm2")  # and it goes on
