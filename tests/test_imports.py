"""The architecture, read from the imports: no circle, and nothing imports what lies above it."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = (
    "paint_gym.utils", "paint_gym.metrics", "paint_gym.strokes", "paint_gym.renderers", "paint_gym.rewards",
    "paint_gym.canvas", "paint_gym.datasets", "paint_gym.painting", "paint_gym.envs", "paint_gym.adapters",
    "paint_gym",
    "agents.cli.threads", "agents.networks",
    "agents.painting.stroke_adam", "agents.painting.planning", "agents.common", "agents.painting.policy",
    "agents.model_based_ddpg", "agents.imitation", "agents.ddpg", "agents.patchq_ddpg",
    "agents.factory", "agents.checkpoint", "agents.painting", "agents.cluster",
    "agents.training", "agents.web", "agents.cli", "agents",
    "benchmarks.harness", "benchmarks",
)  # fmt: skip
"""From the bottom to the top; a module belongs to the first whose name it begins with."""
ALGORITHMS = ("agents.model_based_ddpg", "agents.imitation", "agents.ddpg", "agents.patchq_ddpg")


FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for package in ("paint_gym", "agents", "benchmarks")
    for file in (ROOT / package).rglob("*.py")
}


def imports(file: Path) -> set[str]:
    """The modules of the project that a file imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide what is imported"
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in FILES else str(node.module) for name in full}
    return names & FILES.keys()


def layer(module: str) -> int:
    return next(i for i, name in enumerate(LAYERS) if f"{module}.".startswith(f"{name}."))


GRAPH = {name: imports(file) for name, file in FILES.items()}


def test_nothing_is_imported_uphill() -> None:
    assert len(GRAPH) > 80 and GRAPH["paint_gym.envs.task"] >= {"paint_gym.envs.window", "paint_gym.canvas"}
    pairs = [(name, other) for name, others in GRAPH.items() for other in others]
    assert not [f"{name} imports {other}" for name, other in pairs if layer(other) > layer(name)]


def test_there_is_no_circle() -> None:
    left = dict(GRAPH)
    while leaves := [name for name, others in left.items() if not others & left.keys()]:
        for name in leaves:
            del left[name]
    assert not left, f"these import each other: {sorted(left)}"


def test_algorithms_do_not_know_each_other_and_painting_knows_none() -> None:
    for name, others in GRAPH.items():
        knows = others & set(ALGORITHMS)
        if name == "agents.patchq_ddpg":
            knows -= {"agents.ddpg"}  # it is a kind of it
        if name in ALGORITHMS or name.startswith(("agents.painting", "agents.common", "agents.networks")):
            assert not knows, f"{name} imports {knows}"
