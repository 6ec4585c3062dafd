"""`python -m tests.bench [PART …]`, the parts as PARTS names them: measure, print the table."""

import os
import platform
import sys

from tests.bench import channels, counts, exports, papers, questions, reminders, staff, starts, telegram, turns
from tests.bench.figures import Figure, table

PARTS = {
    "turns": turns.figures,
    "questions": questions.figures,
    "channels": channels.figures,
    "telegram": telegram.figures,
    "reminders": reminders.figures,
    "staff": staff.figures,
    "counts": counts.figures,
    "exports": exports.figures,
    "papers": papers.figures,
    "starts": starts.starts,
    "memory": starts.memory,
}


def main() -> None:
    """Measure what is named, or all."""
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        sys.exit(f"bench: no part {'、'.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    found: list[Figure] = []
    for name in chosen:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        found += PARTS[name]()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load of the last minute {os.getloadavg()[0]:.1f}\n")
    print(table(found))


if __name__ == "__main__":
    main()
