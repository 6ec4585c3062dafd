"""How is a message brought into one form before anything reads it? One table, used by readers, search and the channels."""

import re
import unicodedata
from functools import cache, lru_cache

from opencc import OpenCC

_FOLD = str.maketrans("，：；？！（）－．＠　", ",:;?!()-.@ ")
_DIGITS = str.maketrans("兩貳叄陸萬億", "两贰叁陆万亿")
_HARMFUL = re.compile(
    r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    r"\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """The text as it may be stored: control characters, lone surrogates, zero-width and direction marks dropped; line ends \\n."""
    return _HARMFUL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


def simplified(text: str) -> str:
    """Traditional characters as simplified ones."""
    return str(_simplifier().convert(text)) if not text.isascii() else text


@lru_cache(maxsize=64)
def plain(text: str) -> str:
    """The text for reading values out of it: cleaned, full-width folded (NFKC), simplified; case and spaces stay."""
    return simplified(unicodedata.normalize("NFKC", clean(text)).translate(_FOLD))


@lru_cache(maxsize=8)
def aligned(text: str) -> str:
    """The text with full-width and traditional digits folded, character for character: positions stay those of the given text."""
    return "".join(f if len(f := unicodedata.normalize("NFKC", c)) == 1 else c for c in text.translate(_FOLD)).translate(_DIGITS)


def squeeze(text: str) -> str:
    """The text without any white space: the form in which quotations and policy texts are compared."""
    return re.sub(r"\s+", "", text)
