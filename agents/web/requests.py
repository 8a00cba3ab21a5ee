"""Requests of a client: every field has a type and a range, and nothing is a path."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from paint_gym.painting import check_ending

MAX_REQUEST_BYTES = 30_000_000  # of a request
MAX_PAINTING = 2_000_000  # characters of a painting's JSON
MAX_PIXELS = 60_000_000  # of a picture
MAX_STROKES = 3000
MAX_REFINE = 1000  # iterations
MAX_PALETTE = 64
MAX_SIDE = 4096  # pixels of an exported picture
MAX_FILM_SIDE = 1080

Photo = Literal["astronaut", "chelsea", "coffee", "rocket"]


R = TypeVar("R", bound="Strict")
MAX_QUOTES = 200  # of names and texts in a request


def _known_format(name: str) -> str:
    check_ending(f"painting.{name}")
    return name


class Strict(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class PaintRequest(Strict):
    """A picture, and the options of its painting."""

    photo: Annotated[Photo | None, Field(description="One of scikit-image's photos.")] = None
    image: Annotated[str | None, Field(description="A picture of your own: its file, in base64.")] = None
    painting: Annotated[
        str | None,
        Field(max_length=MAX_PAINTING, description="A painting of it to go on with: the text of a .json."),
    ] = None
    strokes: Annotated[int, Field(ge=1, le=MAX_STROKES)] = 500
    refine: Annotated[int, Field(ge=0, le=MAX_REFINE, description="Iterations of refinement.")] = 100
    stroke: Literal["bezier", "straight", "circle", "triangle"] = "bezier"
    palette: Annotated[int, Field(ge=0, le=MAX_PALETTE, description="Colours; 0 for any.")] = 0
    opacity: Annotated[float, Field(ge=0, le=1, description="The least alpha of a stroke; 1 is opaque.")] = (
        0.0
    )
    detail: Annotated[Literal["all", "faces"], Field(description="Where errors count more.")] = "all"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    def picture_bytes(self) -> bytes:
        """The file in `image`.

        Raises:
            ValueError: not base64.
        """
        try:
            return base64.b64decode(self.image or "", validate=True)
        except binascii.Error as error:
            raise ValueError(f"image is not base64: {error}") from None


class ExportRequest(Strict):
    """A painting, and the format of its file."""

    painting: Annotated[str, Field(max_length=MAX_PAINTING, description="The text of a .json.")]
    format: Annotated[str, AfterValidator(_known_format)] = "png"
    size: Annotated[int | None, Field(ge=1, le=MAX_SIDE, description="Longer side in pixels.")] = None


def parse(kind: type[R], body: bytes) -> R:
    """A request from its JSON.

    Raises:
        ValueError: not a request; one sentence that does not repeat it.
    """
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    parts = plain.split(b'"') if plain.count(b'"') <= MAX_QUOTES else [b"[["]
    structure = b"".join(parts[::2])  # what is not within quotes
    if structure.count(b"[") + structure.count(b"{") > 1:  # else a text could become gigabytes of lists
        raise ValueError("a request is one flat object of JSON")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:50] or "the request"
        raise ValueError(f"{where}: {first['msg'][:200]}") from None
