"""What the operator sees of one enterprise over HTTP: cases are judged by effects, not by codes alone."""


class Directory:
    """Reads one enterprise back; a shadow enterprise with `is_test`."""

    def __init__(self, api, external_id, *, is_test=False):
        self.api = api
        self.external_id = external_id
        self.is_test = is_test

    async def _get(self, path, **params):
        answer = await self.api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def tenants(self):
        """All enterprises of that id, without their counts."""
        found = await self._get("/v1/tenants", external_id=self.external_id, test=self.is_test)
        return found["items"]

    async def home(self):
        [tenant] = await self.tenants()
        return f"/v1/tenants/{tenant['id']}"

    async def tenant(self):
        return await self._get(await self.home())

    async def tree(self):
        """(code, name, depth) of all departments, parents first."""
        nodes = (await self._get(f"{await self.home()}/tree"))["items"]
        return [(node["code"], node["name"], node["depth"]) for node in nodes]

    async def department(self, code):
        return await self._get(f"{await self.home()}/departments/{code}")

    async def members(self, **params):
        """User names, of all or of a department."""
        found = await self._get(f"{await self.home()}/members", limit=1000, **params)
        return [member["user_name"] for member in found["items"]]

    async def member(self, user_name):
        return await self._get(f"{await self.home()}/members/{user_name}")

    async def apps(self):
        """(app, instance, client id) of each app."""
        found = await self._get(f"{await self.home()}/apps")
        return [(app["id"], app["instance_id"], app["client_id"]) for app in found["items"]]

    async def access(self, user_name, app="app-1"):
        return await self._get(f"{await self.home()}/apps/{app}/access/{user_name}")

    async def allowed(self, user_name, app="app-1"):
        return (await self.access(user_name, app))["allowed"]

    async def blocks(self, user_name, app="app-1"):
        return [block["kind"] for block in (await self.access(user_name, app))["blocks"]]

    async def has_app(self, app="app-1"):
        """Whether anybody could be asked about: without its app nobody can use it."""
        answer = await self.api.get(f"{await self.home()}/apps/{app}/access/anyone")
        assert answer.status_code in {200, 404}, answer.text
        return answer.status_code == 200

    async def pushes(self):
        """The history, newest first."""
        return (await self._get(f"{await self.home()}/pushes"))["items"]


class Purchases:
    """Reads instances back."""

    def __init__(self, api, product):
        self.api = api
        self.product = product

    async def ids(self):
        answer = await self.api.get("/v1/instances", params={"product": self.product})
        return [instance["instance_id"] for instance in answer.json()["items"]]

    async def read(self, instance_id):
        answer = await self.api.get(f"/v1/instances/{instance_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def expiry(self, instance_id):
        return (await self.read(instance_id))["expires_at"]

    async def pushes(self):
        """The newest calls about purchases of this product."""
        answer = await self.api.get("/v1/pushes", params={"product": self.product, "limit": 1000})
        return answer.json()["items"]
