"""The examples for running it for real are taken by systemd and nginx, and nginx does before the server what its file says."""

import contextlib
import datetime
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.site import WAIT, site

DEPLOY = Path(__file__).parent.parent / "bot" / "deploy"
NGINX = "/usr/sbin/nginx"
HOST = "yizhan.example"


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = (DEPLOY / "yizhan.service").read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=(\S+) serve ", text, re.M)
    assert command
    unit = tmp_path / "yizhan.service"
    unit.write_text(text.replace(command[1], sys.executable), encoding="utf-8")
    found = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in (found.stderr + found.stdout).splitlines() if unit.name in line]
    assert ours == []
    unit.write_text(text.replace("Type=exec", "Typ=exec").replace(command[1], sys.executable), encoding="utf-8")
    found = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert unit.name in found.stderr  # a mistake would have been told


def test_the_unit_starts_the_command_that_there_is() -> None:
    text = (DEPLOY / "yizhan.service").read_text(encoding="utf-8")
    (arguments,) = re.findall(r"^ExecStart=\S+/yizhan (.+)$", text, re.M)
    found = subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments.split(), "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=DEPLOY.parent.parent,
    )
    assert found.returncode == 0, found.stderr


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    encodings = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*encodings))
    return public, private


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def adapted(folder: Path, upstream: str, plain: int, secure: int) -> Path:
    """The example as a whole configuration with the paths and ports of the test; everything else as it stands."""
    public, private = certificate(folder)
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("server 127.0.0.1:8000;", f"server {upstream};"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl;\n", ""),
        (f"/etc/letsencrypt/live/{HOST}/fullchain.pem", str(public)),
        (f"/etc/letsencrypt/live/{HOST}/privkey.pem", str(private)),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    kept = "".join(
        f"    {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )  # beside the test, not where only root may write
    path = folder / "nginx.conf"
    path.write_text(f"pid {folder}/pid;\ndaemon off;\nevents {{}}\nhttp {{\n{kept}{text}\n}}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("mistake", [False, True])
def test_nginx_takes_the_example(tmp_path: Path, mistake: bool) -> None:
    path = adapted(tmp_path, "127.0.0.1:9", free_port(), free_port())
    if mistake:
        path.write_text(path.read_text(encoding="utf-8").replace("proxy_pass", "proxy_pas"), encoding="utf-8")
    command = [NGINX, "-t", "-e", "stderr", "-p", str(tmp_path), "-c", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode == 0) is not mistake, found.stderr


def listening(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def proxied(folder: Path, upstream: str) -> Iterator[tuple[str, str]]:
    """nginx before the server: its plain and its secure address."""
    plain, secure = free_port(), free_port()
    path = adapted(folder, upstream, plain, secure)
    process = subprocess.Popen([NGINX, "-e", "stderr", "-p", str(folder), "-c", str(path)])
    try:
        until = time.monotonic() + WAIT
        while not listening(secure):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{secure}"
    finally:
        process.terminate()
        process.wait(WAIT)


def test_behind_nginx_people_are_served_and_their_links_stay_out_of_its_logs(tmp_path: Path) -> None:
    with (
        site(tmp_path, public_url=f"https://{HOST}") as here,
        proxied(tmp_path, here.url.removeprefix("http://")) as (plain, secure),
        httpx.Client(headers={"Host": HOST}, verify=False, trust_env=False, timeout=WAIT) as http,
    ):
        moved = http.get(f"{plain}/a/canaryCANARYcanaryCANA?x=canary")
        assert (moved.status_code, moved.headers["location"]) == (301, f"https://{HOST}/a/canaryCANARYcanaryCANA?x=canary")
        page = http.get(f"{secure}/")
        assert page.status_code == 200
        assert page.headers["strict-transport-security"]
        assert "__Host-yizhan=" in page.headers["set-cookie"]
        assert http.get(f"{secure}/a/canaryCANARYcanaryCANA?x=canary", headers={"Referer": f"{secure}/a/canary"}).status_code == 404
        assert http.get(f"{secure}/metrics").status_code == 200  # from this host
        assert http.post(f"{secure}/", content=b"x" * 300_000).status_code == 413
        codes = {http.get(f"{secure}/").status_code for _ in range(80)}
        assert codes == {200, 503}, "nobody is held up for long, and nobody may flood"
    written = (tmp_path / "yizhan.log").read_text(encoding="utf-8")
    assert len(written.splitlines()) > 80
    assert "canary" not in written.lower()
    assert "canary" not in (tmp_path / "yizhan-error.log").read_text(encoding="utf-8").lower()
