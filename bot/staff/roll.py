"""How are accounts made and changed? The same for the admin's page and the commands; each step with its line in the log."""

import re
import unicodedata
from datetime import UTC, datetime

from bot.staff.tokens import new_link
from storage import accounts
from storage.accounts import ROLES, Account, Staff, log
from storage.store import Connection, Store

ROLE_NAMES = {"reader": "查看", "officer": "经办", "admin": "管理"}
_NAME = re.compile(r"\w[\w·.\- ]{0,28}\w")
BAD_NAME = "姓名要 2 到 30 个字，可用汉字、字母、数字和中间的空格、点、短横"


def now() -> datetime:
    """The moment it is."""
    return datetime.now(UTC)


def name_of(text: str) -> str | None:
    """The name as it is kept; None where it is none."""
    found = " ".join(unicodedata.normalize("NFKC", text).split())
    return found if _NAME.fullmatch(found) else None


def state_of(account: Account) -> str:
    """In a word, whether somebody can log in with it."""
    if not account.active:
        return "已停用"
    return "可用" if account.password else "还没设密码"


def first_role(db: Connection) -> str:
    """What a new account may where nobody says: the first one everything, for somebody must make the others."""
    return "officer" if accounts.accounts(db) else "admin"


def add(store: Store, staff: Staff, name: str, role: str, now: datetime) -> tuple[str, str] | None:
    """Make an account; the token of its one-time link and its role. None where one of that name is there."""
    token, hashed, until = new_link(now)
    with store.writing() as db:
        chosen = role or first_role(db)
        made = Account(name=name, role=chosen, link=hashed, link_until=until, made_by=staff.name, made_at=now.timestamp())
        if not accounts.add(db, made):
            return None
        log(db, staff, "新建账号", name, chosen, at=now.timestamp())
    return token, chosen


def give_link(store: Store, staff: Staff, name: str, now: datetime) -> str | None:
    """A new one-time link in place of the earlier: its token; None where there is no such account, or it is off."""
    token, hashed, until = new_link(now)
    with store.writing() as db:
        found = accounts.account(db, name)
        if found is None or not found.active:
            return None
        accounts.set_link(db, name, hashed, until)
        log(db, staff, "发一次性链接", found.name, at=now.timestamp())
    return token


def set_role(store: Store, staff: Staff, name: str, role: str, now: datetime) -> bool:
    """Give an account a role, which ends its sessions; False where there is no such account."""
    assert role in ROLES
    with store.writing() as db:
        found = accounts.account(db, name)
        if found is not None and accounts.set_role(db, name, role):
            log(db, staff, "改权限", found.name, f"{found.role} → {role}", at=now.timestamp())
    return found is not None


def set_active(store: Store, staff: Staff, name: str, active: bool, now: datetime) -> bool:
    """Turn an account off, which ends its sessions, or on again; False where there is no such account."""
    with store.writing() as db:
        found = accounts.account(db, name)
        if found is not None and accounts.set_active(db, name, active):
            log(db, staff, "启用账号" if active else "停用账号", found.name, at=now.timestamp())
    return found is not None
