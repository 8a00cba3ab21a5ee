"""Four stroke designs on CelebA (section 5.4.4, Fig. 10), by the agents that come with the package.

Run: python -m benchmarks.paper.fig10

200 strokes at 128 px, as the agents paint them and refined; pictures of the test split above their
paintings, not refined, as a PNG in the folder of the run. The agents learnt without a critic (gamma is 0),
at the end by imitation of plans, and paint with the lookahead that they ship with.
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
)  # fmt: skip
from benchmarks.harness.statistics import verdict
from benchmarks.harness.tables import CLAIMS, FolderConfig, Result, Table, claim, main
from benchmarks.harness.training import shipped_differences

DESIGNS = ("bezier", "straight", "triangle", "circle")
SHOWN = 8  # pictures on the sheet
ITERATIONS = 50
SCORES = "celeba, 200 strokes at 128 px, by raster"


@dataclass(frozen=True)
class Fig10(FolderConfig):
    """Four stroke designs on CelebA."""

    out: Path = Path("runs/fig10")


def conclude(result: Result) -> Iterator[Table]:
    """Verdict on the claim that all designs resemble the pictures."""
    rows = result.tables[SCORES]
    ranking = ", ".join(f"{row['design']} {row['l2']:.4f}" for row in rows)
    least = min(row["blank"] / row["l2"] for row in rows)
    by = "a tenth of a blank canvas, this project's bar; one agent each, no interval"
    text, judged = "other strokes paint too: straight, circle, triangle", verdict(least, least, 10)
    yield CLAIMS, [claim(text, "seen in Fig. 10", ranking, by, judged)]


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
    yield SCORES, rows
    yield shipped_differences([shipped_agent(design) for design in DESIGNS])


if __name__ == "__main__":
    main(tables, Fig10, conclude)
