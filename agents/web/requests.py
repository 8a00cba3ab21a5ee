"""Requests of a client: every field has a type and a range, and nothing is a path."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.painting.options import QUALITIES

NORMAL = QUALITIES["normal"]
MAX_REQUEST_BYTES = 30_000_000
MAX_PARTS = 10_000  # lists, objects and fields of a request, for a painting has a list for each stroke
MAX_PAINTING = 2_000_000  # characters of a painting's JSON
MAX_PIXELS = 60_000_000  # of a picture
MAX_STROKES = 3000
MAX_REFINE = 1000  # iterations
MAX_PALETTE = 64
MAX_SIDE = 4096  # pixels of an exported picture
MAX_FILM_SIDE = 1080

PhotoName = Literal["astronaut", "chelsea", "coffee", "rocket"]
Colour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
Millimetres = Annotated[float, Field(gt=0, le=600)]
Paper = Annotated[tuple[Millimetres, Millimetres] | None, Field(description="Sides of a plotter's paper.")]
PaintingText = Annotated[str, Field(max_length=MAX_PAINTING, description="The text of a .json.")]


class Strict(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class PaintRequest(Strict):
    """A picture, and the options of its painting."""

    photo: Annotated[PhotoName | None, Field(description="One of scikit-image's photos.")] = None
    image: Annotated[str | None, Field(description="A picture of your own: its file, in base64.")] = None
    painting: Annotated[PaintingText | None, Field(description="A painting of it to go on with.")] = None
    strokes: Annotated[int, Field(ge=1, le=MAX_STROKES)] = NORMAL.strokes
    refine: Annotated[int, Field(ge=0, le=MAX_REFINE, description="Iterations of refinement.")] = (
        NORMAL.refine
    )
    stroke: Literal["bezier", "straight", "circle", "triangle"] = "bezier"
    palette: Annotated[
        Annotated[int, Field(ge=0, le=MAX_PALETTE)] | Annotated[list[Colour], Field(max_length=MAX_PALETTE)],
        Field(description="Number of colours, 0 for any; or the colours."),
    ] = 0
    background: Annotated[Colour | None, Field(description="Null for a transparent layer.")] = "#000000"
    opacity: Annotated[float, Field(ge=0, le=1, description="The least alpha; 1 is opaque.")] = 0.0
    detail: Annotated[Literal["auto", "none"], Field(description="Faces count more, or nothing does.")] = (
        "auto"
    )
    paper: Paper = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class ExportRequest(Strict):
    """A painting, and the format of its file."""

    painting: PaintingText
    format: str = "png"
    paper: Paper = None
    size: Annotated[int | None, Field(ge=1, le=MAX_SIDE, description="Longer side in pixels.")] = None
