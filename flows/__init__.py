"""What the conversation does: pure functions over a session, a message and a moment."""
