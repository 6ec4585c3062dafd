"""What is remembered: sessions, messages, drafts, consents and the outbox."""
