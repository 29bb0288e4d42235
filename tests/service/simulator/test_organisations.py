import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.simulator.organisations import Organisation, make_organisation
from service.simulator.reorganisation import reorganise

sizes = st.integers(min_value=1, max_value=400)
seeds = st.integers(min_value=0, max_value=10_000)
languages = st.sampled_from(["zh", "en", "mixed"])


def levels(organisation: Organisation) -> dict[str, int]:
    """Code to level; fails when a parent is missing or comes after its child."""
    found = {"": 0}
    for department in organisation.departments:
        found[department.code] = found[department.parent_code] + 1
    return found


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, seeds, languages)
def test_an_organisation_is_a_valid_tree_of_exactly_the_size_asked_for(departments, members, seed, language):
    made = make_organisation(departments=departments, members=members, seed=seed, language=language)
    assert len(made.departments) == departments
    assert len(made.members) == members
    assert [department.parent_code for department in made.departments].count("") == 1
    assert max(levels(made).values()) <= 8
    codes = {department.code for department in made.departments}
    assert len(codes) == departments
    siblings = Counter((department.parent_code, department.name) for department in made.departments)
    assert max(siblings.values()) == 1
    assert len({member.user_name for member in made.members}) == members
    assert {member.department_code for member in made.members} <= codes


@given(seeds, languages)
@settings(max_examples=20, deadline=None)
def test_the_same_seed_gives_the_same_organisation(seed, language):
    first = make_organisation(departments=40, members=40, seed=seed, language=language)
    assert first == make_organisation(departments=40, members=40, seed=seed, language=language)
    assert first != make_organisation(departments=40, members=40, seed=seed + 1, language=language)


@pytest.mark.parametrize("departments", [30, 300, 5000])
def test_a_tree_of_some_size_is_between_four_and_eight_levels_deep(departments):
    made = make_organisation(departments=departments, members=0, seed=7, language="mixed")
    assert 4 <= max(levels(made).values()) <= 8


@pytest.mark.parametrize("language", ["zh", "en", "mixed"])
def test_people_are_fictitious_and_few_are_admins(language):
    made = make_organisation(departments=30, members=3000, seed=7, language=language)
    assert all(member.email.endswith(".example") for member in made.members)
    assert all(member.mobile.startswith("139000") and len(member.mobile) == 11 for member in made.members)
    admins = [member for member in made.members if member.role == "admin"]
    assert 1 <= len(admins) <= 5
    assert all(member.enabled for member in admins)
    assert any(not member.enabled for member in made.members)
    assert all(len(member.name) <= 64 and len(member.position) <= 64 for member in made.members)


def test_a_language_is_kept_and_mixed_has_both():
    english = make_organisation(departments=300, members=50, seed=7, language="en")
    chinese = make_organisation(departments=300, members=50, seed=7, language="zh")
    mixed = make_organisation(departments=300, members=50, seed=7, language="mixed")
    assert all(department.name.isascii() for department in english.departments)
    assert not any(department.name.isascii() for department in chinese.departments)
    assert {department.name.isascii() for department in mixed.departments} == {True, False}


def test_a_hundred_thousand_departments_take_seconds():
    started = time.monotonic()
    made = make_organisation(departments=100_000, members=0, seed=7, language="zh")
    assert len({department.code for department in made.departments}) == 100_000
    assert time.monotonic() - started < 10


def test_an_organisation_without_departments_is_refused():
    with pytest.raises(ValueError, match="at least one department"):
        make_organisation(departments=0, members=1, seed=1, language="zh")


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1, max_value=120), st.integers(min_value=0, max_value=80), seeds, languages)
def test_every_change_of_a_reorganisation_keeps_a_valid_tree(departments, changes, seed, language):
    before = make_organisation(departments=departments, members=60, seed=seed, language=language)
    made = reorganise(before, seed=seed, changes=changes)
    assert len(made.changes) == changes
    tree = {department.code: department for department in before.departments}
    people = {member.user_name: member for member in before.members}
    for member in made.moved_members:
        assert member.department_code in tree
        people[member.user_name] = member
    for change in made.changes:
        code = change.department.code
        if change.kind == "remove":
            assert tree.pop(code) == change.department
            assert all(member.department_code != code for member in people.values())
        else:
            assert (code in tree) == (change.kind != "add")
            assert tree.get(code) != change.department
            tree[code] = change.department
        assert_valid(tree)
    assert {department.code: department for department in made.organisation.departments} == tree
    assert {member.user_name: member for member in made.organisation.members} == people


def assert_valid(tree):
    names = Counter((department.parent_code, department.name) for department in tree.values())
    assert max(names.values()) == 1
    for department in tree.values():
        seen, code = set(), department.code
        while code:
            assert code not in seen
            seen.add(code)
            code = tree[code].parent_code


def test_a_reorganisation_has_all_kinds_of_changes_and_is_repeatable():
    before = make_organisation(departments=300, members=300, seed=7, language="zh")
    made = reorganise(before, seed=7, changes=60)
    assert {change.kind for change in made.changes} == {"add", "rename", "move", "remove"}
    assert made == reorganise(before, seed=7, changes=60)
    assert made != reorganise(before, seed=8, changes=60)
