"""What the database holds of pushes, asked of it directly: nothing that answers for it is believed."""

_FACTS = {
    "department": "SELECT t.external_id, d.code FROM department d JOIN tenant t ON t.id = d.tenant_id"
    " WHERE t.external_id = ANY($1) AND d.removed_at IS NULL",
    "member": "SELECT t.external_id, m.user_name FROM member m JOIN tenant t ON t.id = m.tenant_id"
    " WHERE t.external_id = ANY($1) AND m.removed_at IS NULL",
    "name": "SELECT external_id, name FROM tenant WHERE external_id = ANY($1)",
}
_ORDERS = "SELECT order_id FROM instance WHERE product = $1"
_HISTORY = "SELECT id, result_code FROM push WHERE product = $1"


class Facts:
    """Asks about the pushes to one product."""

    def __init__(self, fetch, pushes):
        self._fetch = fetch
        self._product = pushes.product
        self._tenants = [enterprise.tenant for enterprise in pushes.enterprises]

    async def history(self):
        """The result code of each recorded push by its id."""
        return {row["id"]: row["result_code"] for row in await self._fetch(_HISTORY, self._product)}

    async def find_missing(self, outcomes):
        """The answered pushes that the history or the facts do not show."""
        history = await self.history()
        held = {
            kind: {tuple(row) for row in await self._fetch(query, self._tenants)}
            for kind, query in _FACTS.items()
        }
        orders = {row["order_id"] for row in await self._fetch(_ORDERS, self._product)}
        # Of an enterprise's names the last one stays.
        names = {}
        for push in sorted((outcome.push for outcome in outcomes), key=lambda push: push.says):
            names[push.tenant] = push.says if push.kind == "name" else names.get(push.tenant)

        def is_held(push):
            match push.kind:
                case "instance":
                    return push.says in orders
                case "name":
                    return (push.tenant, names[push.tenant]) in held["name"]
                case kind:
                    return (push.tenant, push.says) in held[kind]

        return [
            outcome
            for outcome in outcomes
            if history.get(outcome.push_id) != "000000" or not is_held(outcome.push)
        ]
