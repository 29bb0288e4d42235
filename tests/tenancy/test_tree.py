"""Laws of the rules about trees, for any mapping of codes to parents, proper or not."""

from hypothesis import given
from hypothesis import strategies as st

from tenancy.tree import Department, find_loop, lay_out, show_path
from tests.tenancy.trees import CODES, trees

some_parents = st.dictionaries(st.sampled_from(CODES), st.none() | st.sampled_from((*CODES, "unknown")))


def ancestors(code, parents):
    """From the parent upwards, until the top, an unlisted parent or a repetition."""
    walked = []
    while (code := parents.get(code)) is not None and code not in walked:
        walked.append(code)
    return walked


def departments(parents):
    return [Department(code, code.lower(), parent) for code, parent in parents.items()]


@given(parents=some_parents)
def test_a_loop_is_found_exactly_when_a_department_is_its_own_ancestor(parents):
    looped = {code for code in parents if code in ancestors(code, parents)}
    found = find_loop(parents)
    assert found in looped if looped else found is None


@given(tree=trees())
def test_a_proper_tree_has_no_loop(tree):
    assert find_loop({department.code: department.parent_code for department in tree}) is None


@given(parents=some_parents)
def test_every_department_is_laid_out_once_whatever_the_parents_are(parents):
    assert sorted(node.code for node in lay_out(departments(parents))) == sorted(parents)


@given(parents=some_parents)
def test_below_the_top_a_department_stands_under_its_parent(parents):
    at_depth = {}
    for node in lay_out(departments(parents)):
        if node.depth:
            assert at_depth[node.depth - 1] == node.parent_code
        at_depth[node.depth] = node.code


@given(parents=some_parents)
def test_orphans_are_those_at_the_top_that_name_a_parent(parents):
    for node in lay_out(departments(parents)):
        assert node.orphan == (node.depth == 0 and parents[node.code] is not None)


@given(tree=trees())
def test_in_a_proper_tree_only_unknown_parents_make_orphans_and_depth_counts_ancestors(tree):
    parents = {department.code: department.parent_code for department in tree}
    for node in lay_out(tree):
        known = [code for code in ancestors(node.code, parents) if code in parents]
        assert node.depth == len(known)
        assert node.orphan == (node.parent_code == "unknown")


@given(parents=some_parents)
def test_a_path_walked_upwards_is_shown_as_the_tree_is_laid_out(parents):
    above = []
    for node in lay_out(departments(parents)):
        above = [*above[: node.depth], node.code]
        walked = [node.code, *(code for code in ancestors(node.code, parents) if code in parents)]
        walked = list(dict.fromkeys(walked))[::-1]
        assert show_path(walked, parents[walked[0]]) == above


@given(tree=trees(), order=st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(tree, order):
    shuffled = list(tree)
    order.shuffle(shuffled)
    assert lay_out(shuffled) == lay_out(tree)


@given(tree=trees())
def test_siblings_stand_in_the_order_of_their_codes(tree):
    by_parent = {}
    for node in lay_out(tree):
        by_parent.setdefault(None if node.depth == 0 else node.parent_code, []).append(node.code)
    assert all(codes == sorted(codes) for codes in by_parent.values())


def test_a_very_deep_tree_is_laid_out():
    chain = [
        Department(f"D{number:06}", "", f"D{number - 1:06}" if number else None) for number in range(20_000)
    ]
    assert find_loop({department.code: department.parent_code for department in chain}) is None
    assert lay_out(chain)[-1].depth == 19_999
