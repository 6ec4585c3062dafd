"""What does the environment say? Variables `YIZHAN_…`, also from `.env`, as one frozen record; a wrong one is named in one sentence."""

import os
import re
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "YIZHAN_"
KEY_FILE = "yizhan.key"
SQLITE, POSTGRES = "sqlite:///", "postgresql://"
SHORTEST_KEY = 16
_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
_SECRETS = ("secret_key", "wechat_app_secret", "wechat_token", "wechat_aes_key", "telegram_token", "telegram_secret")


class SettingsError(Exception):
    """A setting is wrong or missing; the message says which, what is wrong and what to do, never the value of a secret."""


def data_folder(platform: str, environment: Mapping[str, str], home: Path) -> Path:
    """Where this user's data lies: %APPDATA% on Windows, else $XDG_DATA_HOME, else ~/.local/share."""
    if platform == "win32":
        base = environment.get("APPDATA") or str(home / "AppData" / "Roaming")
    else:
        base = environment.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    return Path(base) / "yizhan"


def _default_database() -> str:
    return f"{SQLITE}{data_folder(sys.platform, os.environ, Path.home()) / 'yizhan.db'}"


def _text(description: str) -> Any:
    return Field(default="", description=description)


def _secret(description: str) -> Any:
    return Field(default=SecretStr(""), description=description)


class Settings(BaseSettings):
    """All settings; empty text means that the channel is not configured. README.md's table is made of the descriptions."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database: str = Field(
        default_factory=_default_database,
        repr=False,  # may hold a password
        description="`sqlite:///path` or `postgresql://user@host/name`; without it a SQLite file in the user's data folder",
    )
    secret_key: SecretStr = _secret(
        "encrypts sensitive answers, at least 16 characters; made beside a SQLite database (`yizhan.key`, readable by the owner alone) "
        "if missing, required with PostgreSQL. Keep it: without it bank data cannot be read"
    )
    public_url: str = _text(
        "the address people reach `yizhan serve` under, as `https://host`: links to the applicant's page begin with it, and so do staff's "
        "one-time links"
    )
    personal_data_channels: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("console", "web", "wechat", "telegram"),
        description="channels on which personal fields may be asked; elsewhere they stay blank in the form",
    )
    retention_days: int | None = Field(
        default=None, ge=1, le=36500, description="days after a person's last message until their data goes; without it, until they ask"
    )
    wechat_token: SecretStr = _secret("turns on `/wechat`: the token as entered in the account's console")
    wechat_aes_key: SecretStr = _secret("the EncodingAESKey from the account's console, with 安全模式 chosen there")
    wechat_app_id: str = _text("the account's AppID")
    wechat_app_secret: SecretStr = _secret("the account's AppSecret; only to send, and for the menu")
    wechat_account: Literal["unverified_subscription", "verified_subscription", "unverified_service", "verified_service"] = Field(
        default="unverified_subscription",
        description="what kind of account it is: `unverified_subscription`, `verified_subscription`, `unverified_service` or "
        "`verified_service`; what it may not do is not tried",
    )
    wechat_template_id: str = _text(
        "the 订阅通知 template for reminders (verified service accounts); the applicant's page asks for them in WeChat's browser once its "
        "host is entered as JS接口安全域名 in the account's console"
    )
    wechat_plain: bool = Field(
        default=False,
        description="`true` takes unencrypted callbacks where no AES key is set, for development: whoever sees one could speak as anybody",
    )
    wechat_api_url: str = Field(default="https://api.weixin.qq.com", description="another address of the platform's API, for tests")
    telegram_token: SecretStr = _secret("turns on Telegram: the token from @BotFather")
    telegram_secret: SecretStr = _secret(
        "a secret of your own (letters, digits, `_`, `-`): updates then come to `/telegram`, without it they are fetched"
    )
    telegram_api_url: str = Field(default="https://api.telegram.org", description="another Bot API server")
    telegram_proxy: SecretStr = _secret("`http://host:port` of a proxy to reach it by; may hold a password")

    @field_validator("database")
    @classmethod
    def _database(cls, url: str) -> str:
        if not (url.startswith(POSTGRES) or (url.startswith(SQLITE) and url != SQLITE)):
            raise ValueError(f"is no database address; write {SQLITE}path or {POSTGRES}user@host/name")
        return url

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"protects the bank details and is too short; give at least {SHORTEST_KEY} random characters")
        return key

    @field_validator(*_SECRETS, "telegram_proxy", "public_url", "wechat_app_id", "wechat_template_id", mode="before")
    @classmethod
    def _trimmed(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value

    @field_validator("public_url", "wechat_api_url", "telegram_api_url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url and not _ADDRESS.fullmatch(url):
            raise ValueError("is no web address; write https://host or leave it out")
        return url.rstrip("/")

    @field_validator("personal_data_channels", mode="before")
    @classmethod
    def _channels(cls, value: object) -> object:
        names = tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        if not isinstance(names, tuple) or not all(isinstance(n, str) and re.fullmatch("[a-z]+", n) for n in names):
            raise ValueError("is no list of channels; write names with commas between, as console,web, or nothing for none")
        return names

    @field_validator("retention_days", mode="before")
    @classmethod
    def _days(cls, value: object) -> object:
        return None if value == "" else value


def reference() -> str:
    """All settings as a table in Markdown: the README's, which a test compares."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default).lower() if isinstance(default, bool) else str(default)
        given = default not in (None, "", SecretStr("")) and field.default_factory is None
        lines.append(f"| `{PREFIX}{name.upper()}` | {f'`{shown}`' if given else ''} | {field.description} |")
    return "\n".join(lines)


def read_settings(*, database: str = "") -> Settings:
    """The settings from environment and `.env`; `database` goes before both. SettingsError names what is wrong."""
    try:
        return Settings(database=database) if database else Settings()
    except ValidationError as error:
        raise SettingsError(" ".join(_sentence(e["loc"], e["type"], e["msg"]) for e in error.errors(include_input=False))) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{Path('.env').resolve()}: the file cannot be read; make it UTF-8 text that this user may read.") from None


def _sentence(place: tuple[int | str, ...], kind: str, message: str) -> str:
    name = f"{PREFIX}{str(place[0]).upper()}" if place else PREFIX
    if kind == "value_error":
        return f"{name} {message.removeprefix('Value error, ')}."
    if place and place[0] == "retention_days":
        return f"{name} is no whole number of days from 1 to 36500; correct it, or leave it out to keep data until it is deleted."
    return f"{name} is wrong ({message}); correct it in the environment or in .env."


def sqlite_path(url: str) -> Path:
    """The file a `sqlite:///path` names: `sqlite:///a.db` lies in the current folder, `sqlite:////a.db` at the root."""
    return Path(url.removeprefix(SQLITE)).expanduser()


def secret_key(settings: Settings, database: Path | None) -> bytes:
    """The secret that protects sensitive answers: YIZHAN_SECRET_KEY, else the key file beside the SQLite database.

    `database` is None where it is no file (PostgreSQL): then the setting is required. The key file is made with a new database.
    """
    given = settings.secret_key.get_secret_value()
    if given:
        return given.encode()
    if database is None:
        raise SettingsError(
            "YIZHAN_SECRET_KEY is missing; with postgresql:// it must be set, because it protects the bank details and recognises deleted "
            'messages: make one with python -c "import secrets; print(secrets.token_hex(32))".'
        )
    return _key_file(database).encode()


def _key_file(database: Path) -> str:
    path = database.parent / KEY_FILE
    try:
        if not path.exists():
            _refuse_to_replace(path, database)
            _make_key(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(
            f"{path}: the key that protects the bank details cannot be kept ({why}); mend that or set YIZHAN_SECRET_KEY."
        ) from None
    if len(key) < SHORTEST_KEY:
        raise SettingsError(f"{path}: the key that protects the bank details is cut off; put back the whole file or set YIZHAN_SECRET_KEY.")
    return key


def _refuse_to_replace(path: Path, database: Path) -> None:
    """A database that has data was made with some key: a new one would not open it."""
    if database.exists() and database.stat().st_size:
        raise SettingsError(
            f"{path}: the key of {database.name}, which protects the bank details in it, is missing; "
            "put the file back or set YIZHAN_SECRET_KEY."
        )


def _make_key(path: Path) -> None:
    """Write 256 random bits, readable by this user alone; the file appears whole, and of two makers the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # O_EXCL, 0600
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(part)
    except FileExistsError:
        pass
    finally:
        part.unlink()
