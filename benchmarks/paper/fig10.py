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
from benchmarks.harness.painting import (
    PaintingVariant,
    first_pictures,
    paint_and_score,
    picture_row,
    scores,
    write_rows,
)
from benchmarks.harness.tables import CLAIMS, FolderConfig, Table, claim, main

DESIGNS = ("bezier", "straight", "triangle", "circle")
SHOWN = 8  # pictures on the sheet
ITERATIONS = 50


@dataclass(frozen=True)
class Fig10(FolderConfig):
    """Four stroke designs on CelebA."""

    out: Path = Path("runs/fig10")


def tables(options: Fig10) -> Iterator[Table]:
    """A row for each design, and whether all resemble the pictures; writes the sheet."""
    strokes, size, images = options.pick((200, 128, 100), (5, 32, 2))
    pictures, rows = first_pictures("celeba", "test", size, images), list[Row]()
    sheet = [picture_row(pictures[:SHOWN])]
    for design in DESIGNS:
        agent, refine = shipped_agent(design), PaintingVariant(refine=ITERATIONS)
        painted = paint_and_score(pictures, strokes, PaintingVariant(agent))
        refined = paint_and_score(pictures, strokes, refine, start=painted.paintings)
        sheet.append(picture_row(painted.paintings[:SHOWN]))
        row: Row = {"design": design, "agent": agent, "images": len(pictures)} | scores(painted, pictures)
        rows.append(row | {f"l2, refined {ITERATIONS}": float(refined.l2.mean())})
    write_rows(options.folder / "sheet.png", sheet)
    yield f"celeba, {strokes} strokes at {size} px, by raster", rows
    similar = all(row["l2"] < row["blank"] / 10 for row in rows)
    ranking = ", ".join(f"{row['design']} {row['l2']:.4f}" for row in rows)
    text = "other strokes paint too: straight, circle, triangle"
    yield CLAIMS, [claim(text, "seen in Fig. 10", ranking, similar)]


if __name__ == "__main__":
    main(tables, Fig10)
