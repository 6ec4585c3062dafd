"""Is the policy data true to its texts and whole? Runs every proof; `python -m knowledge.check [FOLDER]` prints the defects."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from knowledge import evidence, facts, periods, quotes, references, reminders, tables, ways
from knowledge.defects import Defect
from knowledge.sources import Shelf, Volume, read
from knowledge.text import squeeze
from knowledge.types import Document

__all__ = ["Defect", "check", "digest", "prove"]

_PROOFS = (quotes.prove, evidence.prove, references.prove, tables.prove, periods.prove, ways.prove)


def check(folder: Path) -> list[Defect]:
    """Every defect of the data under the folder, by file; empty: the data may be used."""
    shelf = read(folder)
    programmes = {p.key: p for p in shelf.library.programmes}
    answers = (d for v in shelf.volumes if v.programme in programmes for d in facts.prove(folder, v, programmes[v.programme]))
    return sorted({*prove(shelf), *answers})


def prove(shelf: Shelf) -> list[Defect]:
    """Every defect of what was read, those of reading included."""
    found = [*shelf.defects, *references.prove_names(shelf), *periods.prove_versions(shelf), *reminders.prove(shelf)]
    for volume in shelf.volumes:
        found += _texts_unchanged(volume)
        for proof in _PROOFS:
            found += proof(volume)
    return sorted(set(found))


def digest(document: Document) -> str:
    """SHA-256 of the document's text without headings and white space."""
    return hashlib.sha256(squeeze("".join(line for section in document.sections for line in section.lines)).encode()).hexdigest()


def _texts_unchanged(volume: Volume) -> Iterator[Defect]:
    for document in volume.version.documents:
        key, path = digest(document), f"documents.{document.key}"
        if not document.sections:
            yield Defect(file=volume.file, key=path, problem="原文没有任何一节", remedy=f"在 {document.file} 里写原文，每条加标题")
        if document.sha256 != key:
            remedy = f'核对原文无误后写 sha256 = "{key}"'
            yield Defect(file=volume.file, key=f"{path}.sha256", problem=f"与 {document.file} 的文字不符", remedy=remedy)


def main(arguments: list[str]) -> int:
    """Print the defects of the folder (the packaged one when none is given), one a line; 1 if there is any."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parent
    defects = check(folder)
    for defect in defects:
        print(defect)
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
