"""`python -m promptlab`, and the command `promptlab`."""

import sys


def main() -> None:
    from promptlab.cli.boundary import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
