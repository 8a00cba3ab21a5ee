"""The `imagenet` data set: ILSVRC 2012 in the publisher's folders."""

from __future__ import annotations

from pathlib import Path

from paint_gym.datasets.sources import Source, files_source, list_images, missing

_EVERY = 20  # one train picture in so many is "val"


def imagenet_source(split: str, size: int, data_root: Path) -> Source:
    """Photographs, the centred square of each, resized.

    "train" and "val" are `imagenet/train/<wnid>/*.JPEG`, every 20th of the sorted paths in "val". "test" is
    the publisher's validation set, `imagenet/val/<wnid>/*.JPEG` or, as unpacked, `imagenet/val/*.JPEG`.
    """
    folder = data_root / "imagenet" / ("val" if split == "test" else "train")
    paths = list_images(folder)
    if not paths:
        archive = "ILSVRC2012_img_val.tar" if split == "test" else "ILSVRC2012_img_train.tar"
        get = f"{archive} (ImageNet, ILSVRC 2012) from https://image-net.org/download.php, unpack it"
        looked_for = [folder / "<wnid>" / "*.JPEG"] + ([folder / "*.JPEG"] if split == "test" else [])
        raise missing("imagenet", looked_for, get, f"imagenet/{folder.name}/")
    if split != "test":
        is_val = split == "val"
        paths = [path for i, path in enumerate(paths) if (i % _EVERY == _EVERY - 1) == is_val]
    return files_source(paths, folder, size)
