"""How are passwords kept and judged? Argon2id, two at once at the most; and what makes one too easy to guess.

The memory of a hash is what makes guessing dear, so how many run at once bounds what log-ins can take: about 92 MB.
"""

import asyncio
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

AT_ONCE = 2
WAITING = 18
"""Log-ins that wait for their turn; more are sent away."""
MEMORY_KIB, ROUNDS = 46 * 1024, 2
"""Above the least that OWASP names for Argon2id: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html."""
SHORTEST, SHORTEST_MIXED, LONGEST = 12, 10, 128
HARD_PARTS = 8
"""What must be left where each known word, row of keys, year or number counts as one character."""
_NOBODY = "$argon2id$v=19$m=47104,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""No password fits it; looked at in place of an account that is not there, so that this takes as long."""
_LIST = Path(__file__).with_name("weak_passwords.txt")
_SUBSTITUTES = str.maketrans("013457@$!", "oleastasi")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb", "!@#$%^&*()")
_DATED = re.compile(r"1[3-9]\d{9}|(?:19|20)\d\d(?:[01]\d[0-3]\d)?|(.)\1{2,}")
_Made = TypeVar("_Made")


class Crowded(Exception):
    """So many people log in at this moment that another would wait too long: tell them to try again in a few seconds."""


class Passwords:
    """Hashes and checks, in threads of their own; of one event loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._open = 0
        self.checked = 0
        """How many were looked at; each costs the same."""

    async def hashed(self, password: str) -> str:
        """What is kept of a password. Crowded where too many wait."""
        return await self._run(lambda: self._hasher.hash(_plain(password)))

    async def fits(self, kept: str, password: str) -> bool:
        """Whether it is that password; `kept` is empty where there is none, which takes as long. Crowded where too many wait."""
        return await self._run(lambda: self._fits(kept or _NOBODY, _plain(password)))

    def _fits(self, kept: str, password: str) -> bool:
        self.checked += 1
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], _Made]) -> _Made:
        if self._open >= AT_ONCE + WAITING:
            raise Crowded
        self._open += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._open -= 1


def objection(password: str, name: str) -> str:
    """Why this is no password for that account, as one sentence; empty: it is one."""
    plain = _plain(password)
    if len(plain) > LONGEST:
        return f"密码太长，请不超过 {LONGEST} 个字。"
    if len(plain) < (SHORTEST_MIXED if _kinds(plain) >= 3 else SHORTEST):
        return f"密码太短，请至少 {SHORTEST} 个字；大写、小写、数字、符号用到三种的，至少 {SHORTEST_MIXED} 个字。"
    if len(set(plain)) < 5 or _hard_parts(plain, name) < HARD_PARTS:
        return "密码太容易猜到，请不要用常见词、姓名、手机号、日期、键盘上连着的键来凑。"
    return ""


def _plain(password: str) -> str:
    """The same for a password however a keyboard composed it. See RFC 8265 and NIST SP 800-63B 5.1.1.2."""
    return unicodedata.normalize("NFKC", password)[: LONGEST + 1]


def _kinds(password: str) -> int:
    tests = (str.islower, str.isupper, str.isdecimal, lambda c: not c.isalnum() or not c.isascii())
    return sum(any(test(character) for character in password) for test in tests)


def _hard_parts(password: str, name: str) -> int:
    folded = password.casefold()
    return min(_length(text, name.casefold()) for text in (folded, folded.translate(_SUBSTITUTES)))


def _length(text: str, name: str) -> int:
    """How long it is where each weak part counts as one."""
    words = [name, *re.findall(r"\w{2,}", name)] if len(name) > 1 else []
    for word in (*sorted(words, key=len, reverse=True), *weak_words()):
        text = text.replace(word, "\0")
    return len(_without_rows(_DATED.sub("\0", text)))


def _without_rows(text: str) -> str:
    """Neighbours on the keyboard, in the alphabet or among the digits, three or more either way, become one."""
    found, start = "", 0
    while start < len(text):
        end = next((end for end in range(len(text), start + 2, -1) if _is_row(text[start:end])), start)
        found += "\0" if end > start else text[start]
        start = max(end, start + 1)
    return found


def _is_row(text: str) -> bool:
    return any(text in row or text[::-1] in row for row in _ROWS)


@cache
def weak_words() -> tuple[str, ...]:
    """The words and numbers that passwords are commonly made of, longest first."""
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))
