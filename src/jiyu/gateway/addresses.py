"""Where webhooks may go: not to what only this server can reach.

A name is resolved here, every address it has must be public, and the one that was looked at is the
one that is connected to: a name that resolves otherwise the next moment changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from jiyu.gateway.problems import Refused


class Unreachable(Exception):  # noqa: N818 - says what is
    """A name does not resolve, or to an address that is not public; says which in a word."""


class Target(NamedTuple):
    """Where to connect, and what for."""

    address: str
    host: str
    port: int


def checked(url: str, *, private: bool) -> str:
    """Return a URL that webhooks may have, as far as it shows without asking anybody.

    Args:
        url: As an admin gives it.
        private: Whether private addresses and plain HTTP will do.

    Raises:
        Refused: It may not be one.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Refused(422, "not a URL", place="url") from None
    plain = private and parts.scheme == "http"
    if parts.scheme != "https" and not plain:
        raise Refused(422, "https is needed", place="url")
    if not host or port == 0 or _suspicious(parts, url):
        raise Refused(422, "not a URL that can be sent to", place="url")
    if not private and (_literal(host) is not None and not _public(host)):
        raise Refused(422, "not a public address", place="url")
    return url


async def resolved(url: str, *, private: bool) -> Target:
    """Return the address to connect to.

    Raises:
        Unreachable: There is none that is allowed.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable("name") from None
    addresses = [str(one[4][0]) for one in found]
    if not addresses:
        raise Unreachable("name")
    if not private and not all(map(_public, addresses)):
        raise Unreachable("private address")
    return Target(addresses[0], host, port)


def _suspicious(parts: SplitResult, url: str) -> bool:
    """Say whether a URL has what no receiver needs: a password, a fragment, odd characters."""
    credentials = parts.username is not None or parts.password is not None
    printable = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    return credentials or bool(parts.fragment) or not printable or len(url) > 2000


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _public(address: str) -> bool:
    found = _literal(address)
    if isinstance(found, ipaddress.IPv6Address):
        # Addresses of IPv4 in the clothes of IPv6 lead to where those lead.
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found is not None and found.is_global and not found.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
