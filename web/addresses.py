"""Where a request comes from: the address of the connection, or what our own proxies say of it."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import web

FORWARDED_FOR: Final = "X-Forwarded-For"

Networks = Sequence[IPv4Network | IPv6Network]
Address = IPv4Address | IPv6Address


def client_address(request: web.Request, proxies: Networks) -> str:
    """The address of whoever sent a request.

    Anyone may write anything into `X-Forwarded-For`. A proxy adds the address that it was called
    from at the right end, so the header is read from there, for as long as the speaker is one of
    `proxies`; what is left of it is hearsay. A word that is no address ends the reading too.
    """
    peer = request.transport and request.transport.get_extra_info("peername")
    address = peer_address(peer)
    if address is None:
        # A unix socket has no address; whoever may open it is a proxy of ours, and all it serves are one network.
        return str(IPv6Address(0))
    hops = ",".join(request.headers.getall(FORWARDED_FOR, ())).split(",")
    while hops and any(address in network for network in proxies):
        hop = _parsed(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address)


def peer_address(peer: object) -> Address | None:
    """The address at the other end of a socket, by what the system calls its name; None where it has none."""
    return _parsed(str(peer[0])) if isinstance(peer, tuple) else None


def _parsed(text: str) -> Address | None:
    """The address in a word, without its port, an IPv4 one as such also where it is written as IPv6."""
    word = text.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ip_address(word)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
