"""``python -m agents`` is the command ``paint-gym``."""

from agents.cli.main import main

if __name__ == "__main__":
    main()
