"""How do drafts become files for staff? Which drafts, as tables, as the bureaus' summary tables, as folders of documents; and by whom."""
