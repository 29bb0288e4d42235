"""A browser as far as sign-ins need one: cookies, no redirects followed unless the test does."""

import httpx2


class Browser:
    """Keeps cookies of one host; `follow` goes through redirects within it, to the first that leaves."""

    def __init__(self, app, *, language="en"):
        self.app = app
        self.cookies = {}
        self.language = language

    async def request(self, method, url, **kwargs):
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://tenon.test", timeout=60
        ) as client:
            headers = {"Accept-Language": self.language, **kwargs.pop("headers", {})}
            if self.cookies:
                headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            answer = await client.request(method, url, headers=headers, **kwargs)
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        for line in answer.headers.get_list("set-cookie"):
            name = line.partition("=")[0]
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
        return answer

    async def get(self, url, **kwargs):
        return await self.request("GET", url, **kwargs)

    async def post(self, url, **kwargs):
        return await self.request("POST", url, **kwargs)

    async def follow(self, answer):
        while answer.status_code in {302, 303} and answer.headers["location"].startswith("/"):
            answer = await self.get(answer.headers["location"])
        return answer
