"""Reading lists of our API to their end."""


async def every_item(api, path, *, limit=1000, **params):
    """All entries, the cursors followed; at most so many a page."""
    items, cursor = [], None
    while True:
        page = {"limit": limit, **params, **({"cursor": cursor} if cursor else {})}
        answer = await api.get(path, params=page)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["items"]) <= limit
        items += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            return items
