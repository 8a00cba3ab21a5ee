"""Parts that the algorithms share: configuration, replay, gradient step, the base class of agents."""
