"""The public address: its scheme, where its name leads, how it proves itself, and whether it leads to us."""

import asyncio
import socket
import ssl
from collections.abc import Collection
from datetime import datetime

from service.doctor import certificates, own_pages
from service.doctor.certificates import check_certificate
from service.doctor.findings import Finding, Trouble, not_checked, ok
from service.doctor.own_pages import check_leads_here
from service.doctor.places import host_and_port

HTTPS = "address.https"
RESOLVES = "address.resolves"
CHECKS = (HTTPS, RESOLVES, certificates.CHECK, own_pages.CHECK)

_LOOK_UP_SECONDS = 5.0
_MOST_SHOWN = 4

LOCAL_ONLY = Trouble(
    check=HTTPS,
    level="hint",
    cause="TENON_PUBLIC_URL is not set, or is set to an http address of this machine.",
    remedy="For production set TENON_PUBLIC_URL to the https address that the marketplace is to call.",
)
UNKNOWN_NAME = Trouble(
    check=RESOLVES,
    level="error",
    cause="The name is not in the DNS, or the name servers of this machine do not know it.",
    remedy="Add the name of TENON_PUBLIC_URL to the DNS, or correct it.",
)


async def check_address(
    public_url: str, *, trust: ssl.SSLContext, now: datetime, key_ids: Collection[str] | None
) -> list[Finding]:
    """Look the address up and call it; nothing takes longer than some seconds.

    `key_ids` are those of the keys that sign tokens in our database, None when that is away.
    """
    host, port = host_and_port(public_url)
    is_https = public_url.startswith("https:")
    findings = [
        ok(HTTPS, f"{public_url} is an https address.")
        if is_https
        else LOCAL_ONLY.found(f"{public_url} can be reached from this machine only.")
    ]
    addresses = await _look_up(host, port)
    if not addresses:
        later = (certificates.CHECK, own_pages.CHECK)
        return [
            *findings,
            UNKNOWN_NAME.found(f"{host} leads nowhere."),
            *not_checked(later, "the name leads nowhere"),
        ]
    findings.append(ok(RESOLVES, f"{host} leads to {', '.join(addresses[:_MOST_SHOWN])}."))
    proof = (
        await check_certificate(host, port, trust=trust, now=now)
        if is_https
        else [ok(certificates.CHECK, "An http address needs no certificate.")]
    )
    findings += proof
    if any(finding.level == "error" for finding in proof):
        return findings + not_checked([own_pages.CHECK], "the address does not prove itself")
    return findings + await check_leads_here(public_url, trust=trust, key_ids=key_ids)


async def _look_up(host: str, port: int) -> list[str]:
    try:
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return []
    return sorted({str(address[4][0]) for address in found})
