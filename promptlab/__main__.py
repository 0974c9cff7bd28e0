"""`python -m promptlab`, and the command `promptlab`."""

import gc
import sys

FIRST_LOOKED_AT = (
    200_000  # objects; what is imported lives to the end, and looking at it takes 0.1 s of a run
)


def main() -> None:
    gc.set_threshold(FIRST_LOOKED_AT)
    from promptlab.cli.boundary import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
