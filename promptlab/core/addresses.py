"""Which addresses requests may go to: https anywhere but link-local, plain http only nearby."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, unquote, urlsplit

_METADATA_NAMES = {"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
_METADATA_ADDRESSES = {"fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"}
_NEARBY_SUFFIXES = (".localhost", ".local", ".lan", ".internal", ".home.arpa")

type Address = IPv4Address | IPv6Address


def checked_url(url: str) -> str:
    """Give `url` without its last slash; raises ValueError for one that no request may go to."""
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("the address has blanks or control characters in it")
    parts = _split(url)
    check_host(parts.scheme, parts.hostname or "")
    refuse_dots(parts.path)
    return url.rstrip("/")


def refuse_dots(path: str) -> None:
    """Raise ValueError for a path that is not the one that a request would go to."""
    if {".", ".."} & {unquote(part) for part in path.split("/")}:
        raise ValueError("a part of the path is '.' or '..'; write out the path that it leads to")


def check_host(scheme: str, host: str) -> None:
    """Raise ValueError for a host that no request may go to by this scheme, as far as its name says."""
    host = host.rstrip(".").lower()
    _refuse_metadata(host, _address(host))
    if scheme == "http" and not is_nearby(host):
        raise ValueError(f"plain http goes only to loopback and private addresses, not to {host}; say https")


def may_resolve_to(scheme: str, address: str) -> bool:
    """Tell whether a request may go to an address that the name of its host turned out to stand for."""
    try:
        check_host(scheme, address)
    except ValueError:
        return False
    return True


def is_nearby(host: str) -> bool:
    """Tell whether `host` is this machine or on a private network, as far as its name says."""
    address = _address(host)
    if address is not None:
        return address.is_loopback or (address.is_private and not address.is_unspecified)
    return host == "localhost" or "." not in host or host.endswith(_NEARBY_SUFFIXES)


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def normalised(url: str) -> str:
    """Give the one spelling of an address: host in small letters, no default port, no last slash."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}{parts.path.rstrip('/')}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("this is no address; say https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("this is no address; say https://host/path")
    if "@" in parts.netloc:
        raise ValueError("the address has a name or password in it; say api_key or headers instead")
    if parts.query or parts.fragment:
        raise ValueError("the address has a query or fragment; say only https://host/path")
    return parts


def _refuse_metadata(host: str, address: Address | None) -> None:
    if address is None and host.rsplit(".", 1)[-1][:1].isdigit():
        raise ValueError(f"{host} is an unusual spelling of an address; write it out")
    if address is not None and address.is_unspecified:
        raise ValueError(f"{host} is no address to call; say 127.0.0.1")
    if host in _METADATA_NAMES or (address is not None and _is_metadata(address)):
        raise ValueError(f"{host} is a link-local or metadata address; no request goes there")


def _is_metadata(address: Address) -> bool:
    return address.is_link_local or address.is_multicast or str(address) in _METADATA_ADDRESSES


def _address(host: str) -> Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
