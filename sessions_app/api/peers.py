"""Which machine a request comes from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.http import HttpRequest
from django.http.request import split_domain_port

from sessions_app.conf import conf

#: What a proxy adds. With one of these somebody else is behind the peer, wherever the peer is.
FORWARDING_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")


def is_at_this_machine(request: HttpRequest) -> bool:
    """Whether it comes straight from a program on this machine, which asked for this machine by name.

    The name is what stops DNS rebinding: a page of ``evil.example`` whose name suddenly leads to 127.0.0.1 still asks
    for ``evil.example``. And it stops a public name that a proxy on this machine passes on.
    """
    peer = peer_address(request)
    if peer is None or not peer.is_loopback:
        return False
    return _is_loopback_name(request.get_host()) and not any(name in request.headers for name in FORWARDING_HEADERS)


def is_trusted_proxy(request: HttpRequest) -> bool:
    """Whether the peer is in ``TRUSTED_PROXIES``, so that what it says of a user is taken for true."""
    peer = peer_address(request)
    return peer is not None and any(peer in ip_network(network) for network in conf.trusted_proxies)


def peer_address(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """The address of the other end of the connection; None for a socket without one."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return None
    # A server that listens on both kinds of address sees IPv4 as ::ffff:127.0.0.1.
    return getattr(address, "ipv4_mapped", None) or address


def _is_loopback_name(host: str) -> bool:
    name, _ = split_domain_port(host)
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
