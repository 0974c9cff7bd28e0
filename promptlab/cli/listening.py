"""Where a server of this machine is reached: its socket, its address, and who is told the token."""

import errno
import socket

from promptlab.core.errors import UsageError
from promptlab.core.serving import ServerSettings

BACKLOG = 128
OPEN_WARNING = "warning: others in the network can reach this, and read along: it is not encrypted"


def listener(host: str, port: int) -> socket.socket:
    """Give a socket that listens; raises UsageError saying why there can be none."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(
            f"--host: there is no address '{host}'", hint="say 127.0.0.1, or leave it out"
        ) from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _unusable(host, port, error) from None
    return listening


def address(settings: ServerSettings) -> str:
    return f"http://{settings.shown_host}:{settings.port}/"


def fragment(settings: ServerSettings, *, is_told: bool) -> str:
    """Give what signs in at the end of an address, if whoever reads it may be told."""
    return f"#token={settings.token.get_secret_value()}" if is_told else ""


def _unusable(host: str, port: int, error: OSError) -> UsageError:
    hint = "say another --port; --port 0 takes a free one"
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} of {host} is in use", hint=hint)
    return UsageError(f"cannot listen at port {port} of {host}: {(error.strerror or '').lower()}", hint=hint)
