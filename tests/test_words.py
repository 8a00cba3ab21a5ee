"""Docstrings begin with a noun phrase or an imperative; names are nouns; functions take few parameters."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLAUSE = re.compile(r"(Of|What|Where|Who|How|Those|That|As|If|Which|Whether|All that|Nothing|In|At|By)\b")
PRONOUNS = {
    "one", "each", "some", "found", "kept", "begun", "there", "here", "told", "given", "own", "wanted",
    "left", "seen", "learnt", "ours", "other", "others", "alike", "elsewhere", "alone",
}  # fmt: skip
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def places(fault: str) -> list[str]:
    """Places in the packages with a fault."""
    files = [
        file for package in ("paint_gym", "agents", "benchmarks") for file in (ROOT / package).rglob("*.py")
    ]
    return [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
        for file in sorted(files)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if FAULTS[fault][0](node, file)
    ]


def is_riddle(node: ast.AST, file: Path) -> bool:
    return isinstance(node, DOCUMENTED) and bool(CLAUSE.match(ast.get_docstring(node) or ""))


def is_pronoun(node: ast.AST, file: Path) -> bool:
    if isinstance(node, ast.arg):
        return node.arg in PRONOUNS
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in PRONOUNS


def has_many_parameters(node: ast.AST, file: Path) -> bool:
    if not isinstance(node, FUNCTIONS) or node.name == "__init__" or "triton" in str(file.relative_to(ROOT)):
        return False
    names = [parameter.arg for parameter in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"])) > 7


FAULTS = {"riddle": (is_riddle, 10), "pronoun": (is_pronoun, 15), "parameters": (has_many_parameters, 0)}


@pytest.mark.parametrize("fault", FAULTS)
def test_words(fault: str) -> None:
    assert len(places(fault)) <= FAULTS[fault][1], "\n".join(places(fault))
