"""What the environment may say, and what is said where it is wrong."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.settings import SettingsError, data_folder, read_settings, reference, secret_key, sqlite_path

KEY = "k3y-of-at-least-16-characters"
SECRET_NAMES = ("SECRET_KEY", "WECHAT_APP_SECRET", "WECHAT_TOKEN", "WECHAT_AES_KEY", "TELEGRAM_TOKEN", "TELEGRAM_SECRET", "TELEGRAM_PROXY")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and no variable of ours from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("YIZHAN_")]:
        monkeypatch.delenv(name)


def test_without_any_variable_there_is_a_database_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    settings = read_settings()
    if sys.platform != "win32":
        assert sqlite_path(settings.database) == tmp_path / "share" / "yizhan" / "yizhan.db"
    assert settings.personal_data_channels == ("console", "web", "wechat", "telegram")
    assert settings.retention_days is None
    assert settings.telegram_token.get_secret_value() == ""


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "/home/w/.local/share/yizhan"),
        ("darwin", {"XDG_DATA_HOME": ""}, "/home/w/.local/share/yizhan"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/yizhan"),
        ("win32", {"APPDATA": "/roaming", "XDG_DATA_HOME": "/data"}, "/roaming/yizhan"),
        ("win32", {}, "/home/w/AppData/Roaming/yizhan"),
    ],
)
def test_the_data_folder_is_where_the_platform_keeps_data(platform: str, environment: dict[str, str], folder: str) -> None:
    assert data_folder(platform, environment, Path("/home/w")) == Path(folder)


def test_variables_go_before_the_env_file_and_the_command_line_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["YIZHAN_DATABASE=sqlite:///file.db", "YIZHAN_PUBLIC_URL=https://file.example/", "OTHER=1", "YIZHAN_WECHAT_APP_ID= wx1 "]
    Path(".env").write_text("\n".join(lines), encoding="utf-8")
    assert read_settings().database == "sqlite:///file.db"
    monkeypatch.setenv("YIZHAN_DATABASE", "sqlite:///variable.db")
    assert read_settings().database == "sqlite:///variable.db"
    settings = read_settings(database="sqlite:///option.db")
    assert (settings.database, settings.public_url, settings.wechat_app_id) == ("sqlite:///option.db", "https://file.example", "wx1")


@pytest.mark.parametrize(
    ("text", "channels"), [("console,web", ("console", "web")), (" web , wechat ,", ("web", "wechat")), ("", ()), ("feishu", ("feishu",))]
)
def test_channels_are_names_with_commas(monkeypatch: pytest.MonkeyPatch, text: str, channels: tuple[str, ...]) -> None:
    monkeypatch.setenv("YIZHAN_PERSONAL_DATA_CHANNELS", text)
    assert read_settings().personal_data_channels == channels


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE", "mysql://u:pw-canary@h/d", "is no database address; write sqlite:///path or postgresql://"),
        ("DATABASE", "sqlite:///", "is no database address"),
        ("DATABASE", "pw-canary.db", "is no database address"),
        ("SECRET_KEY", "pw-canary", "protects the bank details and is too short; give at least 16"),
        ("PUBLIC_URL", "pw-canary", "is no web address; write https://host"),
        ("TELEGRAM_API_URL", "ftp://pw-canary", "is no web address"),
        ("RETENTION_DAYS", "pw-canary", "is no whole number of days from 1 to 36500; correct it, or leave it out"),
        ("RETENTION_DAYS", "0", "is no whole number of days"),
        ("RETENTION_DAYS", "1.5", "is no whole number of days"),
        ("PERSONAL_DATA_CHANNELS", "web;pw-canary", "is no list of channels; write names with commas between"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_does_not_repeat_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"YIZHAN_{name}", value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    text = str(caught.value)
    assert text.startswith(f"YIZHAN_{name} {said}")
    assert text.endswith(".")
    assert "\n" not in text
    assert "pw-canary" not in text
    assert caught.value.__cause__ is None


def test_all_wrong_settings_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIZHAN_RETENTION_DAYS", "x")
    monkeypatch.setenv("YIZHAN_PUBLIC_URL", "x")
    with pytest.raises(SettingsError, match=r"YIZHAN_PUBLIC_URL .*\. YIZHAN_RETENTION_DAYS"):
        read_settings()


def test_an_env_file_that_is_no_text_is_named() -> None:
    Path(".env").write_bytes(b"YIZHAN_SECRET_KEY=\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"\.env: the file cannot be read; make it UTF-8"):
        read_settings()


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"YIZHAN_{name}", "canary-of-sixteen-and-more")
    monkeypatch.setenv("YIZHAN_DATABASE", "postgresql://u:canary@h/d")
    settings = read_settings()
    assert getattr(settings, name.lower()).get_secret_value() == "canary-of-sixteen-and-more"
    assert "canary" not in f"{settings!r} {settings}"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().public_url = "https://x"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a/b.db", "a/b.db"),
        ("sqlite:////tmp/b.db", "/tmp/b.db"),
        ("sqlite:///数据/b c%20.db", "数据/b c%20.db"),
        ("sqlite:///C:/b.db", "C:/b.db"),
    ],
)
def test_three_slashes_are_a_relative_path_and_four_an_absolute_one(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


# The secret key


def test_a_new_sqlite_database_gets_a_key_file_that_stays(tmp_path: Path) -> None:
    database = tmp_path / "new" / "yizhan.db"
    made = secret_key(read_settings(), database)
    file = database.parent / "yizhan.key"
    assert [f.name for f in database.parent.iterdir()] == ["yizhan.key"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(file.read_text(encoding="ascii").strip())) == 32
    assert secret_key(read_settings(), database) == made
    assert secret_key(read_settings(), tmp_path / "second" / "yizhan.db") != made


def test_the_content_of_the_key_file_as_a_variable_is_the_same_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = secret_key(read_settings(), tmp_path / "yizhan.db")
    monkeypatch.setenv("YIZHAN_SECRET_KEY", (tmp_path / "yizhan.key").read_text(encoding="ascii").strip())
    assert secret_key(read_settings(), None) == made


def test_a_given_key_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIZHAN_SECRET_KEY", KEY)
    assert secret_key(read_settings(), tmp_path / "yizhan.db") == KEY.encode()
    assert list(tmp_path.iterdir()) == []


def test_without_a_file_the_key_is_required_and_it_is_said_what_for() -> None:
    with pytest.raises(SettingsError, match=r"YIZHAN_SECRET_KEY is missing; with postgresql:// .* protects the bank details"):
        secret_key(read_settings(database="postgresql://u@h/d"), None)


def test_of_many_that_make_the_key_at_once_all_get_the_same(tmp_path: Path) -> None:
    settings = read_settings()
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: secret_key(settings, tmp_path / "d" / "yizhan.db"), range(64)))
    assert len(keys) == 1
    assert [f.name for f in (tmp_path / "d").iterdir()] == ["yizhan.key"]


def test_a_lost_key_file_is_not_replaced(tmp_path: Path) -> None:
    database = tmp_path / "yizhan.db"
    database.write_bytes(b"data")
    with pytest.raises(SettingsError, match=r"yizhan\.key: the key of yizhan\.db, .* put the file back or set YIZHAN_SECRET_KEY"):
        secret_key(read_settings(), database)
    assert not (tmp_path / "yizhan.key").exists()


@pytest.mark.parametrize("content", [b"", b"0123", b"\xff" * 64])
def test_a_broken_key_file_is_named_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "yizhan.key").write_bytes(content)
    with pytest.raises(SettingsError, match=r"yizhan\.key: the key that protects the bank details .* YIZHAN_SECRET_KEY") as caught:
        secret_key(read_settings(), tmp_path / "yizhan.db")
    assert "0123" not in str(caught.value)


def test_a_key_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    secret_key(read_settings(), tmp_path / "yizhan.db")
    (tmp_path / "yizhan.key").chmod(0o644)
    secret_key(read_settings(), tmp_path / "yizhan.db")
    assert (tmp_path / "yizhan.key").stat().st_mode & 0o777 == 0o600


def test_a_place_where_no_key_can_be_kept_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"file/d/yizhan\.key: the key .* cannot be kept \(Not a directory\); mend"):
        secret_key(read_settings(), tmp_path / "file" / "d" / "yizhan.db")


def test_settings_are_read_without_opening_anything() -> None:
    """Reading them imports no database and makes no file."""
    code = "import sys; from bot.settings import read_settings; read_settings(); print('sqlite_utils' in sys.modules)"
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}, check=True
    )
    assert done.stdout.strip() == "False"
    assert list(Path.cwd().iterdir()) == []


def test_the_readme_has_every_setting_as_the_code_describes_it() -> None:
    table = reference()
    assert len(table.splitlines()) > 15
    assert table in (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
