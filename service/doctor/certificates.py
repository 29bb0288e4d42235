"""The TLS certificate of the public address, as browsers and the marketplace would see it."""

import asyncio
import ssl
from datetime import UTC, datetime

from service.doctor.findings import Finding, Trouble, not_checked, ok

CHECK = "address.certificate"

_SECONDS = 5.0
_NOTABLE_DAYS = 14

UNTRUSTED = Trouble(
    check=CHECK,
    level="error",
    cause="The certificate has run out, is for another name, or lacks the certificates of its issuers.",
    remedy="Renew it for the host of TENON_PUBLIC_URL and serve it with its whole chain.",
)
RUNS_OUT = Trouble(
    check=CHECK,
    level="warning",
    cause="Nothing has renewed the certificate so far, and what renews it may have stopped.",
    remedy="Look at what renews it (cert-manager, the ingress, the load balancer), or renew it by hand.",
)
NO_TLS = Trouble(
    check=CHECK,
    level="error",
    cause="Something answers on the port that does not speak TLS as browsers do today.",
    remedy="Let TENON_PUBLIC_URL lead to what ends TLS: the ingress or the load balancer.",
)


async def check_certificate(host: str, port: int, *, trust: ssl.SSLContext, now: datetime) -> list[Finding]:
    """Connect, and look at what proves the name and for how long it still does."""
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=trust, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        return [UNTRUSTED.found(f"It is refused: {error.verify_message}.")]
    except ssl.SSLError as error:
        return [NO_TLS.found(f"No TLS: {error.reason or type(error).__name__}.")]
    except (OSError, TimeoutError):
        return not_checked([CHECK], "nothing answers at the address")
    certificate = writer.get_extra_info("ssl_object").getpeercert()
    writer.transport.abort()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (ends - now).days
    message = f"It proves {host} until {ends:%Y-%m-%d}, {days} days from now."
    return [RUNS_OUT.found(message) if days < _NOTABLE_DAYS else ok(CHECK, message)]
