from uuid import uuid4

from tests.conformance.directory import Directory
from tests.conformance.vectors import TENANT
from tests.marketplace import Enterprise, user

A, B, C = ("D1", "星河制造", ""), ("D2", "装配车间", "D1"), ("D3", "质检部", "D1")
TREE = [("D1", "星河制造", 0), ("D2", "装配车间", 1), ("D3", "质检部", 1)]


async def test_case_57_a_list_may_name_the_child_before_its_parent(demo, vectors, api):
    assert (await vectors.kit("kit-allOrgSync-array")).code == "000000"
    directory = Directory(api, TENANT)
    assert await directory.tree() == [("D100200", "星河制造", 0), ("D100201", "装配车间", 1)]
    child = await directory.department("D100201")
    assert (child["path"], child["orphan"]) == (["D100200", "D100201"], False)


async def test_case_58_a_list_may_come_as_text(demo, vectors, api):
    assert (await vectors.kit("kit-allOrgSync-string")).code == "000000"
    assert await Directory(api, TENANT).tree() == [("D100200", "星河制造", 0)]


async def test_case_58_text_with_unquoted_names_gives_the_same_tree(enterprise, directory):
    quoted = (
        '[{"orgCode": "D1", "orgName": "星河制造", "parentCode": ""},'
        ' {"orgCode": "D2", "orgName": "装配: \\"车间\\"", "parentCode": "D1"}]'
    )
    unquoted = (
        '[{orgCode:"D1", orgName:"星河制造", parentCode:"" },'
        '{orgCode:"D2", orgName:"装配: \\"车间\\"", parentCode:"D1" }]'
    )
    assert (await enterprise.departments([], orgInfoList=quoted, flag=1)).code == "000000"
    tree = await directory.tree()
    assert tree == [("D1", "星河制造", 0), ("D2", '装配: "车间"', 1)]
    await enterprise.departments([C], at=1)
    assert (await enterprise.departments([], orgInfoList=unquoted, flag=1, at=2)).code == "000000"
    assert await directory.tree() == tree


async def test_case_59_what_is_not_listed_is_removed_and_its_members_keep_the_code(enterprise, directory):
    await enterprise.departments([A, B, C])
    await enterprise.members([user("wang.fang", orgCode="D3")])
    assert (await enterprise.departments([A, B], at=1)).code == "000000"
    assert await directory.tree() == TREE[:2]
    assert (await directory.department("D3"))["removed_at"] is not None
    assert (await directory.member("wang.fang"))["department_codes"] == ["D3"]
    assert await directory.allowed("wang.fang")


async def test_case_60_a_list_below_an_unlisted_parent_is_kept(enterprise, directory):
    assert (await enterprise.departments([B, C])).code == "000000"
    assert await directory.tree() == [("D2", "装配车间", 0), ("D3", "质检部", 0)]
    assert (await directory.department("D2"))["orphan"]
    await enterprise.department(*A, at=1)
    assert await directory.tree() == TREE


async def test_case_61_a_department_is_added_renamed_moved_and_removed_twice(enterprise, directory):
    for number, department in enumerate((A, B, C)):
        assert (await enterprise.department(*department, at=number)).code == "000000"
    assert await directory.tree() == TREE
    assert (await enterprise.department("D3", "质量部", "D1", flag=2, at=3)).code == "000000"
    assert await directory.tree() == [*TREE[:2], ("D3", "质量部", 1)]
    assert (await enterprise.department("D3", "质量部", "D2", flag=2, at=4)).code == "000000"
    assert await directory.tree() == [*TREE[:2], ("D3", "质量部", 2)]
    for _ in range(2):
        assert (await enterprise.department("D3", "质量部", "D2", flag=0, at=5)).code == "000000"
        assert await directory.tree() == TREE[:2]
    assert (await directory.department("D3"))["removed_at"] is not None


async def test_case_62_a_department_cannot_move_below_its_own_child(enterprise, directory):
    await enterprise.departments([A, B, C])
    for parent in ("D2", "D1"):
        answer = await enterprise.department("D1", "星河制造", parent, flag=2, at=1)
        assert (answer.response.status_code, answer.code) == (200, "000002")
    assert await directory.tree() == TREE
    looped = [("D1", "星河制造", "D3"), ("D2", "装配车间", "D1"), ("D3", "质检部", "D2")]
    assert (await enterprise.departments(looped, at=1)).code == "000002"
    assert await directory.tree() == TREE


async def test_case_63_the_removal_of_an_unknown_department_succeeds(enterprise, directory, marketplace, api):
    await enterprise.departments([A])
    assert (await enterprise.department("D9", flag=0, at=1)).code == "000000"
    assert await directory.tree() == TREE[:1]
    elsewhere = Enterprise(marketplace, "never-seen", enterprise.tenant, "app-1")
    assert (await elsewhere.department("D1", flag=0, at=1)).code == "000000"
    assert await directory.tree() == TREE[:1]
    nobody = Enterprise(marketplace, "never-seen", uuid4().hex, "app-1")
    assert (await nobody.department("D1", flag=0)).code == "000000"
    assert await Directory(api, nobody.tenant).tenants() == []
