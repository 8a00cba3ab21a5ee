"""The discriminator is that of Fig. 11."""

import pytest
import torch

from paint_gym.rewards.discriminator import Discriminator, TReLU


def test_shapes_of_the_paper() -> None:
    discriminator, shapes = Discriminator(), []
    for layer in [*discriminator.features, discriminator.score]:
        layer.register_forward_hook(lambda _, inputs, output: shapes.append(tuple(output.shape[1:])))
    painting, target = torch.rand(2, 2, 3, 128, 128)
    assert discriminator(painting, target).shape == (2,)
    convolutions, activations = [*shapes[0:8:2], shapes[8]], shapes[1:8:2]
    assert convolutions == [(16, 64, 64), (32, 32, 32), (64, 16, 16), (128, 8, 8), (1, 4, 4)]
    assert activations == convolutions[:4]
    assert sum(isinstance(layer, TReLU) for layer in discriminator.features) == 4
    assert sum(name.endswith("original0") for name, _ in discriminator.named_parameters()) == 5  # weight norm


@pytest.mark.parametrize("size", [(8, 8), (9, 31), (32, 32), (40, 72)])
def test_the_score_is_the_mean_of_the_patches(size: tuple[int, int]) -> None:
    discriminator, (painting, target) = Discriminator(4), torch.rand(2, 3, 3, *size)
    patches = discriminator.patches(painting, target)
    assert patches.shape == (3, -(-size[0] // 32), -(-size[1] // 32))
    torch.testing.assert_close(discriminator(painting, target), patches.mean((1, 2)))
