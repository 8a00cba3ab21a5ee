"""Networks: actors that paint, critics that estimate values. None knows an algorithm."""

from agents.networks.actor import Actor, squash
from agents.networks.critics import ActionCritic, ValueCritic
from agents.networks.glimpse import GlimpseActor
from agents.networks.resnet import ResNetActor

__all__ = ["ActionCritic", "Actor", "GlimpseActor", "ResNetActor", "ValueCritic", "squash"]
