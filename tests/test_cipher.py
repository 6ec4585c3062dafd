"""Sealed values open only in their place, under their key."""

import pytest

from storage.cipher import Cipher
from storage.store import StoreError

CIPHER = Cipher(b"a secret of at least 32 characters")
PLACE = ("wechat", "openid", "draft", "bank_card")
CARD = "6222026666666666"


@pytest.mark.parametrize("text", ["", "null", CARD, "某某银行支行", "长" * 10_000, "\u0000𠮷"])
def test_a_sealed_text_opens_in_its_place(text: str) -> None:
    assert CIPHER.open(CIPHER.seal(text, *PLACE), *PLACE) == text
    assert Cipher(b"a secret of at least 32 characters").open(CIPHER.seal(text, *PLACE), *PLACE) == text


def test_a_sealed_text_hides_it_and_differs_each_time() -> None:
    sealed = [CIPHER.seal(CARD, *PLACE) for _ in range(20)]
    assert len(set(sealed)) == 20
    assert not any(CARD.encode() in each or CARD[-4:].encode() in each for each in sealed)


@pytest.mark.parametrize("n", range(4))
def test_a_sealed_text_does_not_open_in_another_place(n: int) -> None:
    elsewhere = tuple("other" if i == n else part for i, part in enumerate(PLACE))
    with pytest.raises(StoreError, match="was changed outside the program; restore"):
        CIPHER.open(CIPHER.seal(CARD, *PLACE), *elsewhere)


def test_places_that_join_to_the_same_text_are_different_places() -> None:
    with pytest.raises(StoreError):
        CIPHER.open(CIPHER.seal(CARD, "ab", "c"), "a", "bc")
    assert CIPHER.hashed("ab", "c") != CIPHER.hashed("a", "bc")


def test_any_changed_bit_is_noticed() -> None:
    sealed = CIPHER.seal(CARD, *PLACE)
    assert len(sealed) == 1 + 12 + len(CARD) + 16
    for n in range(1, len(sealed)):
        broken = sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :]
        with pytest.raises(StoreError):
            CIPHER.open(broken, *PLACE)
    for short in (b"", sealed[:5], sealed[:-1]):
        with pytest.raises(StoreError):
            CIPHER.open(short, *PLACE)


def test_another_secret_opens_nothing_and_hashes_otherwise() -> None:
    other = Cipher(b"another secret of 32 characters!!")
    with pytest.raises(StoreError):
        other.open(CIPHER.seal(CARD, *PLACE), *PLACE)
    assert other.check != CIPHER.check
    assert other.hashed("a") != CIPHER.hashed("a")
    assert Cipher(b"a secret of at least 32 characters").hashed("a") == CIPHER.hashed("a")


def test_no_message_or_representation_tells_the_secret_or_the_value() -> None:
    with pytest.raises(StoreError) as caught:
        CIPHER.open(CIPHER.seal(CARD, *PLACE)[:-1], *PLACE)
    told = f"{caught.value!r} {CIPHER!r} {CIPHER.check}"
    assert "draft / bank_card" in told
    assert not any(word in told for word in (CARD, "secret of at least", "openid"))
