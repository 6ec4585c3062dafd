"""The house rules on imports, names and dependencies, read from the syntax trees."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("knowledge", "flows", "storage", "bot")
MAY_IMPORT = {"knowledge": {"knowledge"}, "flows": {"flows", "knowledge"}, "storage": {"storage", "flows"}, "bot": set(PACKAGES)}
WORLD = {"socket", "asyncio", "httpx", "requests", "urllib", "sqlite3", "sqlite_utils", "logging", "structlog", "os", "time", "threading"}
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def test_modules_were_found() -> None:
    assert len(MODULES) > 25
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(PACKAGES)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_each_package_imports_only_what_lies_below_it(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    own = {name.split(".")[0] for name in imports(path)} & set(PACKAGES)
    assert own <= MAY_IMPORT[package]
    if package == "storage":
        assert {name for name in imports(path) if name.startswith("flows")} <= {"flows.types"}


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.relative_to(ROOT).parts[0] in ("knowledge", "flows")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_knowledge_and_flows_touch_no_clock_network_or_environment(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & WORLD
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(date\.today|datetime\.(now|utcnow)|random\.|secrets\.|uuid)", source)


def names_of_programmes() -> list[str]:
    files = sorted((ROOT / "knowledge" / "programmes").glob("*/programme.toml"))
    found = [tomllib.loads(f.read_text(encoding="utf-8")) for f in files]
    return [name for p in found for name in (p["key"], p["name"], *p["places"])]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_programme_or_city_is_named_in_code(path: Path) -> None:
    names = names_of_programmes()
    assert len(names) > 10
    source = path.read_text(encoding="utf-8")
    assert [name for name in names if name in source] == []


@pytest.mark.parametrize(
    ("package", "where"),
    [("sqlite_utils", "storage"), ("jinja2", "flows"), ("rapidfuzz", "flows"), ("typst", "flows"), ("pydantic_settings", "bot")],
)
def test_what_was_asked_for_is_a_direct_dependency_in_real_use(package: str, where: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=\[; ]", d)[0].replace("-", "_") for d in project["dependencies"]}
    assert package in declared
    assert any(name.split(".")[0] == package for path in (ROOT / where).rglob("*.py") for name in imports(path))


def test_pytest_asyncio_runs_coroutine_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(d.startswith("pytest-asyncio") for d in project["optional-dependencies"]["dev"])
    sources = [p.read_text(encoding="utf-8") for p in (ROOT / "tests").glob("test_*.py") if p.name != "test_house.py"]
    assert any(re.search(r"^async def test_", source, re.M) for source in sources)
