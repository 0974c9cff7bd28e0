"""A bound on how long a template may be to read, as a Jinja extension."""

from collections.abc import Iterator

from jinja2 import TemplateSyntaxError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from promptlab.engine.templating.vocabulary import MAX_TOKENS


class TokenLimit(Extension):
    """Refuses sources of too many words and signs; plain text counts as one."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for count, token in enumerate(stream):
            if count >= MAX_TOKENS:
                message = (
                    f"the template is too large: more than {MAX_TOKENS:,} words and signs inside its tags"
                )
                raise TemplateSyntaxError(message, token.lineno, stream.name)
            yield token
