"""Undoing a push of an office, and what is there to see before and after."""

TREE = [("A", "Head office", ""), ("B", "Plant", "A"), ("C", "Line 1", "B"), ("X", "Branch", "")]


async def staff(office):
    """`cleo` of `C` and `dora` of `X` know another app; whoever is below `A` may use ours."""
    await office.employ("cleo", department="C")
    await office.employ("dora", department="X")
    await office.grant("department", "A")
    await office.told()
    return office


async def undo(office, push=None):
    """Undo the newest push or that one; the answer."""
    push = push or await newest(office)
    answer = await office.ask("POST", f"/pushes/{push}/undo")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def newest(office):
    author, _ = await office.newest_push()
    return author["push"]


async def tree(office):
    listed = await office.everything("/departments", limit=1000)
    return [(item["code"], item["name"], item["parent_code"] or "") for item in listed]


def reasons(undone):
    return {(left["type"], left["subject"]): left["reason"] for left in undone["left"]}


async def person(office, name):
    found = await office.get(f"/members/{name}")
    return {
        key: found[key]
        for key in ("id", "name", "role", "enabled", "mobile", "department_codes", "removed_at")
    }
