"""The outside world: commands, settings, channels. The only code that waits, reads the environment or opens a socket."""
