"""What a step is made of, as digests: two that are alike make the same of the same row and answers."""

from promptlab.core.frozen import frozen


@frozen
class Sources:
    """Digests (SHA-256, hex) of the texts behind a step; None where it has none of a kind.

    `template`: its own prompt, messages, request, `with`, `when` and the like, without the paths that they
    come from, as a file that is only renamed changes nothing that is sent. `includes`: all that its templates
    include, extend or import, at any depth, and `code`: its function or tools with the project files that
    they import; both with paths, as it is by path that the texts name each other: two files that trade their
    contents do change what is sent.
    """

    template: str | None = None
    includes: str | None = None
    code: str | None = None


NO_SOURCES = Sources()
