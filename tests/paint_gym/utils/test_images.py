"""Pictures as tensors."""

import torch

from paint_gym.utils.images import crop, to_bytes, to_floats, to_frames


def test_bytes_and_floats_are_inverse() -> None:
    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_bytes(to_floats(values)), values)
    assert to_bytes(torch.tensor([-1.0, 0.0, 0.5, 2.0])).tolist() == [0, 0, 128, 255]
    assert torch.equal(to_floats(torch.tensor([0.25])), torch.tensor([0.25]))


def test_frames_have_channels_last() -> None:
    canvas = torch.zeros(1, 3, 2, 4)
    canvas[0, 1, 0, 3] = 1
    frames = to_frames(canvas)
    assert frames.shape == (1, 2, 4, 3) and frames[0, 0, 3].tolist() == [0, 255, 0]


def test_crop_takes_the_part_of_each_picture() -> None:
    pictures = torch.rand(2, 3, 9, 7)
    top, left = torch.tensor([[0, 4], [6, 2]]), torch.tensor([[0, 3], [5, 1]])
    parts = crop(pictures, top, left, (3, 2))
    assert parts.shape == (2, 2, 3, 3, 2)
    for n in range(2):
        for b in range(2):
            y, x = top[n, b], left[n, b]
            assert torch.equal(parts[n, b], pictures[b, :, y : y + 3, x : x + 2])
