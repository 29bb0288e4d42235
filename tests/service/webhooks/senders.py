"""Senders and resolvers for the tests of sending."""

import ssl
from ipaddress import ip_address

from service.webhooks.pool import Limits
from service.webhooks.sender import open_sender

# Reading the system's certificates takes longer than most tests.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Long enough for a busy machine; a test of silence says its own.
PATIENT = {"total": 10.0, "connect": 5.0, "body": 0.2}


def opened(*, allow_http=True, allow_private=True, resolve=None, ssl_context=NO_CERTIFICATES, **limits):
    """A sender that may call loopback."""
    return open_sender(
        allow_http=allow_http,
        allow_private=allow_private,
        resolve=resolve,
        ssl_context=ssl_context,
        limits=Limits(**PATIENT | limits),
    )


async def post(sender, url, body=b"{}", **headers):
    return await sender.send(url, headers=headers, body=body)


class Resolver:
    """Answers look-ups in turn, the last answer for ever, and counts them."""

    def __init__(self, *answers):
        """Each answer is a list of addresses."""
        self.asked = []
        self._answers = [[ip_address(one) for one in answer] for answer in answers]

    async def __call__(self, host, port):
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
