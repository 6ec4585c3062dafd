"""What staff use: drafts, reminders, exports, accounts, as pages under `/staff/` and as commands. Applicants are answered elsewhere."""
