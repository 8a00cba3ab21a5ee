"""Docstrings begin with a noun phrase or an imperative; names are nouns; functions take few parameters."""

import ast
import re
from collections.abc import Callable
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


FILES = [file for package in ("paint_gym", "agents", "benchmarks") for file in (ROOT / package).rglob("*.py")]


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


@pytest.mark.parametrize(("is_fault", "limit"), [(is_riddle, 10), (is_pronoun, 15), (has_many_parameters, 0)])
def test_words(is_fault: Callable[[ast.AST, Path], bool], limit: int) -> None:
    places = [
        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
        for file in sorted(FILES)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if is_fault(node, file)
    ]
    assert len(places) <= limit, "\n".join(places)
