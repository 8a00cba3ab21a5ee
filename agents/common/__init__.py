"""What the algorithms share: configuration, replay, the agent they are."""
