"""A full list of departments against the same changes sent one by one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tenancy.department_rows import list_departments, read_tree
from tenancy.departments import put_department, remove_department
from tenancy.errors import DepartmentLoop
from tenancy.syncs import sync_departments
from tenancy.tree import Department
from tests.tenancy.histories import Message
from tests.tenancy.pushing import a_push, deliver_until_accepted, moment
from tests.tenancy.trees import trees


async def opened(new_directory, listed=()):
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    if listed:
        await directory.deliver(Message("list_departments", 0, 1, listed))
    return directory


async def sync(directory, listed, number):
    at = moment(number)
    return await sync_departments(directory.places[0], listed, at=at, push=a_push(at))


async def tree_of(directory):
    return {node.code: (node.name, node.parent_code) for node in await read_tree(await directory.tenant_id())}


async def removed_codes(directory):
    tenant_id = await directory.tenant_id()
    page = await list_departments(tenant_id, parent=None, removed=True, cursor=None, limit=100)
    return [department.code for department in page.items]


@hypothesis_settings(max_examples=50)
@given(before=trees(), after=trees(min_size=1), order=st.randoms(use_true_random=False))
async def test_a_full_list_is_the_same_as_its_changes_one_by_one(before, after, order, new_directory):
    listed, single = await opened(new_directory, before), await opened(new_directory, before)
    outcome = await sync(listed, after, 100)

    counts = Counter()
    kept = {department.code for department in after}
    changes = [(code.code, None) for code in before if code.code not in kept]
    changes += [(department.code, department) for department in after]
    order.shuffle(changes)
    numbered = [(2 + number, code, department) for number, (code, department) in enumerate(changes)]

    async def deliver(change):
        number, code, department = change
        at, place = moment(number), single.places[0]
        if department is None:
            done = await remove_department(place, code, at=at, push=a_push(at))
        else:
            done = await put_department(place, department, at=at, push=a_push(at))
        counts.update(done.counts)

    await deliver_until_accepted(numbered, deliver)
    assert await tree_of(listed) == await tree_of(single)
    assert await removed_codes(listed) == await removed_codes(single)
    assert outcome.counts == dict(counts)


@hypothesis_settings(max_examples=20)
@given(before=trees(), after=trees(min_size=1))
async def test_a_full_list_repeated_changes_nothing(before, after, new_directory):
    directory = await opened(new_directory, before)
    await sync(directory, after, 2)
    assert (await sync(directory, after, 2)).verdict == "unchanged"
    assert (await sync(directory, after, 3)).verdict == "unchanged"
    assert await tree_of(directory) == {item.code: (item.name, item.parent_code) for item in after}


async def test_an_empty_list_removes_nothing(new_directory):
    directory = await opened(new_directory, [Department("D1", "one")])
    assert (await sync(directory, [], 5)).verdict == "held"
    assert await tree_of(directory) == {"D1": ("one", None)}


async def test_a_list_with_a_loop_changes_nothing_and_holds_up_no_later_list(new_directory):
    directory = await opened(new_directory, [Department("D1", "one")])
    with pytest.raises(DepartmentLoop):
        await sync(directory, [Department("D1", "two", "D2"), Department("D2", "two", "D1")], 5)
    assert await tree_of(directory) == {"D1": ("one", None)}
    assert (await sync(directory, [Department("D1", "two")], 4)).verdict == "applied"


async def test_of_several_entries_with_one_code_the_last_counts(new_directory):
    directory = await opened(new_directory)
    await sync(directory, [Department("D1", "one"), Department("D1", "two", "D2")], 2)
    assert await tree_of(directory) == {"D1": ("two", "D2")}


async def test_a_newer_message_survives_an_older_full_list(new_directory):
    directory = await opened(new_directory, [Department("D1", "one"), Department("D2", "one")])
    place = directory.places[0]
    await put_department(place, Department("D3", "new"), at=moment(10), push=a_push(moment(10)))
    await remove_department(place, "D2", at=moment(10), push=a_push(moment(10)))
    await sync(directory, [Department("D1", "two"), Department("D2", "two")], 9)
    assert await tree_of(directory) == {"D1": ("two", None), "D3": ("new", None)}


async def test_an_outdated_full_list_is_not_applied(new_directory):
    directory = await opened(new_directory)
    await sync(directory, [Department("D1", "one")], 5)
    assert (await sync(directory, [Department("D2", "two")], 4)).verdict == "stale"
    assert await tree_of(directory) == {"D1": ("one", None)}


async def test_a_loop_between_a_list_and_newer_facts_is_shown_until_the_missing_message_comes(new_directory):
    directory = await opened(new_directory, [Department("D1", "one"), Department("D2", "two")])
    place = directory.places[0]
    await put_department(place, Department("D1", "one", "D2"), at=moment(10), push=a_push(moment(10)))
    await sync(directory, [Department("D1", "one"), Department("D2", "two", "D1")], 9)
    assert await tree_of(directory) == {"D1": ("one", "D2"), "D2": ("two", "D1")}
    page = await list_departments(
        await directory.tenant_id(), parent=None, removed=False, cursor=None, limit=10
    )
    assert [department.path for department in page.items] == [["D1"], ["D1", "D2"]]
    await put_department(place, Department("D2", "two"), at=moment(8), push=a_push(moment(8)))
    assert await tree_of(directory) == {"D1": ("one", "D2"), "D2": ("two", "D1")}
    await put_department(place, Department("D2", "two"), at=moment(11), push=a_push(moment(11)))
    assert await tree_of(directory) == {"D1": ("one", "D2"), "D2": ("two", None)}


@pytest.mark.parametrize("action", ["put", "move below itself"])
async def test_a_department_never_becomes_its_own_ancestor(new_directory, action):
    chain = [Department("D1", "one"), Department("D2", "two", "D1"), Department("D3", "three", "D2")]
    directory = await opened(new_directory, chain)
    parent = "D1" if action == "put" else "D3"
    at = moment(9)
    with pytest.raises(DepartmentLoop):
        await put_department(directory.places[0], Department("D1", "one", parent), at=at, push=a_push(at))
    assert await tree_of(directory) == {item.code: (item.name, item.parent_code) for item in chain}


async def test_the_change_set_of_a_full_list_tells_what_was_and_what_is(new_directory):
    directory = await opened(new_directory, [Department("D1", "one"), Department("D2", "two", "D1")])
    outcome = await sync(directory, [Department("D1", "uno"), Department("D3", "three", "D1")], 5)
    assert outcome.counts == {"department.renamed": 1, "department.added": 1, "department.removed": 1}
