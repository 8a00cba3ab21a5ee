"""The command `paint-gym`, one file a command."""
