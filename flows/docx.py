"""How does a `Paper` become a .docx? One Jinja2 template of WordprocessingML, escaped throughout, zipped by the standard library."""

import io
import zipfile
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from flows.layout import MARGIN_BOTTOM, MARGIN_SIDE, MARGIN_TOP, PAGE_HEIGHT, PAGE_WIDTH, Paper, Table

_WORDING = Path(__file__).parent / "wording"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same paper gives the same bytes."""
_PARTS = {
    "[Content_Types].xml": "document_types.xml.j2",
    "_rels/.rels": "document_rels.xml.j2",
    "docProps/core.xml": "document_core.xml.j2",
    "word/document.xml": "document.xml.j2",
    "word/styles.xml": "document_styles.xml.j2",
    "word/fontTable.xml": "document_fonts.xml.j2",
    "word/_rels/document.xml.rels": "document_parts.xml.j2",
}


def twips(mm: float) -> int:
    """Millimetres in twentieths of a point, Word's unit."""
    return round(mm * 1440 / 25.4)


def half_points(size: float) -> int:
    """A type size in half points."""
    return round(size * 2)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_WORDING), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"twips": twips, "half_points": half_points}
    environment.tests["table"] = lambda block: isinstance(block, Table)
    return environment.get_template(name)


def docx(paper: Paper) -> bytes:
    """The paper as a Word document."""
    page = {"width": PAGE_WIDTH, "height": PAGE_HEIGHT, "side": MARGIN_SIDE, "top": MARGIN_TOP, "bottom": MARGIN_BOTTOM}
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as package:
        for name, template in _PARTS.items():
            text = _template(template).render(paper=paper, page=page)
            package.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return held.getvalue()
