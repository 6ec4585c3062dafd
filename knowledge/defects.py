"""What is wrong with the data, and where? One record a defect and the one exception that carries them; nothing here finds any."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Defect:
    """One thing that is wrong, for the person who keeps the data: where it stands, what it is, what to do."""

    file: str
    """Relative to the folder that was read: programmes/<key>/programme.toml."""
    key: str
    """The path of keys inside the file: services.recognition.rules.activities.test.op."""
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file} · {self.key}：{self.problem}。{self.remedy}。"


class KnowledgeError(Exception):
    """The policy data cannot be used: every defect with its file, key, problem and remedy, one a line."""

    def __init__(self, defects: Sequence[Defect]) -> None:
        self.defects = tuple(defects)
        super().__init__("\n".join(str(defect) for defect in self.defects))
