"""Which network addresses guarded HTTP may connect to."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
# Prefixes that carry an IPv4 address in their last, or second, 32 bits.
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def address_reached(address: Address) -> Address:
    """Give the address that a packet ends up at: IPv4 inside IPv6 is taken out."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    value = int(address)
    if any(address in network for network in _NAT64) or value >> 32 == 0:
        return IPv4Address(value & 0xFFFFFFFF)
    return address


def address_is_public(address: Address) -> bool:
    """Tell whether an address belongs to the open internet and to one machine."""
    reached = address_reached(address)
    return reached.is_global and not (
        reached.is_multicast
        or reached.is_reserved
        or reached.is_loopback
        or reached.is_link_local
        or reached.is_unspecified
        or reached.is_private
    )


def address_parse(text: str) -> Address:
    """Read an address; the zone of an IPv6 one is dropped.

    Raises:
        ValueError: it is none.
    """
    return ip_address(text.partition("%")[0])


def allow_list(entries: list[str]) -> frozenset[tuple[str, int]]:
    """Read `host:port` entries; `[::1]:80` for IPv6. An entry without a port is ignored."""
    allowed = set()
    for entry in entries:
        host, _, port = entry.rpartition(":")
        if host and port.isdecimal():
            allowed.add((host_key(host), int(port)))
    return frozenset(allowed)


def host_key(host: str) -> str:
    """Give one spelling for a host: lower case, no brackets, no final dot."""
    plain = host.strip("[]").rstrip(".").lower()
    try:
        return str(address_parse(plain))
    except ValueError:
        return plain
