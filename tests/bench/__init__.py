"""How fast is it, and how much memory does it take? `python -m tests.bench`; see README.md."""
