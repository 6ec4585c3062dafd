"""How are sensitive answers kept from whoever reads the database file, and a deleted person from being recognised?

Three keys are derived from the secret (HKDF-SHA256, RFC 5869): one encrypts (AES-256-GCM), one hashes what must only be recognised
again, one makes the value by which a wrong secret is noticed at start.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.store import StoreError

_NONCE = 12
_VERSION = b"\x01"


class Cipher:
    """Seals and opens values under one secret; safe to use from several threads."""

    def __init__(self, secret: bytes) -> None:
        self._box = AESGCM(_derived(secret, b"yizhan sensitive answers"))
        self._hash_key = _derived(secret, b"yizhan recognised again")
        self.check = _derived(secret, b"yizhan which secret").hex()
        """Differs for each secret and tells nothing about it."""

    def __repr__(self) -> str:
        return "Cipher(…)"

    def seal(self, text: str, *place: str) -> bytes:
        """The text, encrypted, readable only at the same place (person, draft, field)."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._box.encrypt(nonce, text.encode(), _joined(place))

    def open(self, sealed: bytes, *place: str) -> str:
        """The text that was sealed for this place; StoreError where it was changed, moved or sealed under another secret."""
        nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._box.decrypt(nonce, body, _joined(place)).decode()
        except (InvalidTag, ValueError):
            where = " / ".join(place[2:])
            raise StoreError(f"the protected answer {where} was changed outside the program; restore the database from a backup") from None

    def hashed(self, *parts: str) -> str:
        """A keyed hash (HMAC-SHA256) of the parts, hexadecimal."""
        return hmac.new(self._hash_key, _joined(parts), hashlib.sha256).hexdigest()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret)


def _joined(parts: tuple[str, ...]) -> bytes:
    """The parts, each with its length, so that no two lists of parts are written alike."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)
