"""What an administrator does in one enterprise over HTTP, and what comes of it."""

from urllib.parse import quote

from tests.marketplace import user
from tests.pages import every_item

OTHER = "app-other"
BOOTSTRAP = {"actor": "operator:bootstrap"}


def chains(explained):
    """(kind, chain of ids) of each path."""
    return sorted((path["kind"], "/".join(step["id"] for step in path["via"])) for path in explained["paths"])


def gained(office, *names):
    return [(name, "gained", office.app) for name in names]


def lost(office, *names):
    return [(name, "lost", office.app) for name in names]


async def newest(office, **params):
    """The newest call about the enterprise, of those that are asked for."""
    [push] = (await office.get("/pushes", limit=1, **params))["items"]
    return push


class Office:
    """One enterprise with our API (`get`, `put` …, addresses below its own) and with the marketplace."""

    def __init__(self, api, enterprise, tenant_id):
        self.api = api
        self.enterprise = enterprise
        self.marketplace = enterprise.marketplace
        self.tenant_id = tenant_id
        self.home = f"/v1/tenants/{tenant_id}"
        self.app = enterprise.app
        self.known = set()

    async def ask(self, method, path, **kwargs):
        """Any answer, for the test to look at."""
        return await self.api.request(method, f"{self.home}{path}", **kwargs)

    async def get(self, path, **params):
        answer = await self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(self, path, body=None):
        answer = await self.ask("PUT", path, json=body)
        assert answer.status_code in {200, 204}, answer.text
        return answer.json() if answer.content else None

    async def delete(self, path):
        answer = await self.ask("DELETE", path)
        assert (answer.status_code, answer.content) == (204, b""), answer.text

    async def everything(self, path, *, limit=2, **params):
        """A whole list, the cursors followed; two entries a page."""
        return await every_item(self.api, f"{self.home}{path}", limit=limit, **params)

    async def employ(self, *names, department="X"):
        """People whom the marketplace has authorised for another app, but not for ours."""
        assert (await self.enterprise.application(appId=OTHER)).code == "000000"
        people = [user(name, orgCode=department) for name in names]
        assert (await self.enterprise.members(people, appId=OTHER)).code == "000000"

    async def authorise(self, *names, flag=1, department="X", **fields):
        """The marketplace's word for our app: 1 granted, 2 described, 3 cancelled, 0 removed."""
        people = [user(name, orgCode=department, **fields) for name in names]
        assert (await self.enterprise.members(people, flag=flag)).code == "000000"

    async def base(self, body):
        assert (await self.marketplace.base(body)).code == "000000"

    async def group(self, group_id, *contents):
        """A group with (type, id) in it."""
        await self.put(f"/groups/{group_id}", {"name": group_id.title()})
        for kind, identifier in contents:
            await self.put(f"/groups/{group_id}/members/{kind}/{quote(identifier, safe='')}")

    def grant_path(self, kind, identifier="*", app=None):
        return f"/apps/{app or self.app}/grants/{kind}/{quote(identifier, safe='*')}"

    async def grant(self, kind, identifier="*", app=None):
        return await self.put(self.grant_path(kind, identifier, app))

    async def revoke(self, kind, identifier="*", app=None):
        await self.delete(self.grant_path(kind, identifier, app))

    async def switch(self, *, enabled, app=None):
        answer = await self.ask("PATCH", f"/apps/{app or self.app}", json={"enabled": enabled})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def access(self, user_name, app=None):
        return await self.get(f"/apps/{app or self.app}/access/{quote(user_name, safe='')}")

    async def allowed(self, user_name, app=None):
        """Whether the person may use the app, as all three answers agree."""
        app = app or self.app
        explained = await self.access(user_name, app)
        name = quote(user_name, safe="")
        assert await self.get(f"/apps/{app}/access/{name}", explain="false") == {
            "allowed": explained["allowed"]
        }
        assert explained["allowed"] == (user_name in await self.everyone(app))
        return explained["allowed"]

    async def everyone(self, app=None):
        """The user names of all who may use the app."""
        listed = await self.everything(f"/apps/{app or self.app}/access", limit=1000)
        return [person["user_name"] for person in listed]

    async def blocks(self, user_name, app=None):
        return [block["kind"] for block in (await self.access(user_name, app))["blocks"]]

    async def newest_push(self):
        """(author, time) of the newest call about the enterprise."""
        push = await newest(self)
        return {"push": push["id"]}, push["received_at"]

    async def newest_purchase_push(self):
        """(author, time) of the newest call about its instance."""
        params = {"limit": 1, "instance": self.enterprise.instance}
        [push] = (await self.api.get("/v1/pushes", params=params)).json()["items"]
        return {"push": push["id"]}, push["received_at"]

    async def audit(self, **params):
        """All audit entries of the enterprise, newest first."""
        answer = await self.api.get("/v1/audit", params={"tenant": self.tenant_id, "limit": 1000, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    async def news(self):
        """The audit entries since this was last asked, newest first."""
        fresh = [entry for entry in await self.audit() if entry["id"] not in self.known]
        self.known |= {entry["id"] for entry in fresh}
        return fresh

    async def told(self):
        """Who has gained and lost which app since this was last asked, as the change sets tell."""
        told = []
        for entry in await self.news():
            changes = await self.everything(f"/audit/{entry['id']}/changes", limit=1000)
            found = [event for event in changes if event["type"].startswith("access.")]
            assert len(found) == sum(n for kind, n in entry["counts"].items() if "access." in kind)
            told += [
                (
                    event["subject"],
                    event["type"].removeprefix("access."),
                    (event["data"] or event["previous"])["app"],
                )
                for event in found
            ]
        return sorted(told)
