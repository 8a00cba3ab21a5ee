"""Four stroke designs on CelebA (section 5.4.4, Fig. 10), by the agents that come with the package.

Run: python -m benchmarks.paper.fig10

200 strokes at 128 px, as the agents paint them and refined; pictures of the test split above their paintings,
not refined, as a PNG in the folder of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.checkpoint import shipped_agent
from benchmarks.harness.measure import Row
from benchmarks.harness.painting import PictureSet, Variant, paint_and_score, picture_row, scores, write_rows
from benchmarks.harness.tables import CLAIMS, FolderConfig, Table, claim, main

DESIGNS = ("bezier", "straight", "triangle", "circle")


@dataclass(frozen=True)
class Fig10(FolderConfig):
    """Four stroke designs on CelebA."""

    out: Path = Path("runs/fig10")
    """Folder of the sheet."""
    dataset: str = "celeba"
    """A name, or a folder of images."""
    images: int = 100
    """Pictures of the test split."""
    shown: int = 8
    """Pictures on the sheet."""
    strokes: int = 200
    """Strokes of a painting."""
    size: int = 128
    """Side of the canvas in pixels."""
    refine: int = 50
    """Iterations of refinement."""


def tables(options: Fig10) -> Iterator[Table]:
    """A row for each design, and whether all resemble the pictures; writes the sheet."""
    test = PictureSet(options.dataset, options.strokes, options.size, options.images)
    if options.smoke:
        test = test._replace(strokes=5, size=32, images=2)
    pictures, rows = test.pictures(), list[Row]()
    sheet = [picture_row(pictures[: options.shown])]
    for design in DESIGNS:
        agent = shipped_agent(design)
        painted = paint_and_score(pictures, test.strokes, Variant(agent))
        refined = paint_and_score(
            pictures, test.strokes, Variant(refine=options.refine), start=painted.paintings
        )
        sheet.append(picture_row(painted.paintings[: options.shown]))
        row: Row = {"design": design, "agent": agent, "images": len(pictures)} | scores(painted, pictures)
        rows.append(row | {f"l2, refined {options.refine}": float(refined.l2.mean())})
    write_rows(options.folder / "sheet.png", sheet)
    yield f"{options.dataset}, {test.strokes} strokes at {test.size} px, by raster", rows
    similar = all(row["l2"] < row["blank"] / 10 for row in rows)
    ranking = ", ".join(f"{row['design']} {row['l2']:.4f}" for row in rows)
    text = "other strokes paint too: straight, circle, triangle"
    yield CLAIMS, [claim(text, "seen in Fig. 10", ranking, similar)]


if __name__ == "__main__":
    main(Fig10, tables)
