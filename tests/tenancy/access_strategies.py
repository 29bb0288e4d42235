"""Random operations of an enterprise, by what they are about; each is a name with its arguments."""

from hypothesis import strategies as st

from tests.tenancy.access_model import EVERYONE
from tests.tenancy.histories import APPS, CODES, INSTANCES, PEOPLE

GROUPS = ("g1", "g2", "g3")


@st.composite
def listed_parents(draw):
    """A full list's parents by code: a proper tree, some under a department that is not listed."""
    codes = draw(st.lists(st.sampled_from(CODES), unique=True, min_size=1))
    return {
        code: draw(st.sampled_from((None, "unlisted", *codes[:number]))) for number, code in enumerate(codes)
    }


def operation(name, *arguments):
    return st.tuples(st.just(name), st.tuples(*arguments))


instances = st.sampled_from(INSTANCES)
apps = st.sampled_from(APPS)
codes = st.sampled_from(CODES)
groups = st.sampled_from(GROUPS)
people = st.sampled_from(PEOPLE)
members, departments = st.tuples(st.just("member"), people), st.tuples(st.just("department"), codes)
contents = members | departments | st.tuples(st.just("group"), groups)
subjects = contents | st.just(EVERYONE)
attributes = st.fixed_dictionaries(
    {}, optional={"enabled": st.booleans(), "department_code": st.none() | codes}
)
described = st.dictionaries(people, attributes, min_size=1)

the_tree = (
    operation("put_department", instances, codes, st.none() | codes),
    operation("put_department", instances, codes, st.none() | codes),
    operation("remove_department", instances, codes),
    operation("list_departments", instances, listed_parents()),
    operation("leave_loop", instances, codes, codes),
)
the_people = (
    operation("authorise", instances, apps, described),
    operation("modify", instances, apps, described),
    operation("modify", instances, apps, described),
    operation(
        "withdraw", instances, apps, st.sets(people, min_size=1), st.sampled_from(("cancelled", "removed"))
    ),
)
the_arrivals = (operation("sign_in", people),)
the_gates = (
    operation("freeze", instances, st.booleans()),
    operation("renew", instances, st.integers(0, 8)),
    operation("wait", st.integers(0, 4)),
    operation("stop", apps),
    operation("start", apps),
)
the_bindings = (
    operation("bind", instances),
    operation("unbind", instances),
    operation("put_app", instances, apps),
    operation("remove_app", instances, apps),
)
the_groups = (
    operation("put_group", groups),
    operation("remove_group", groups),
    operation("put_in_group", groups, contents),
    operation("put_in_group", groups, contents),
    operation("take_from_group", groups, contents),
)
the_grants = (
    operation("grant", apps, subjects),
    operation("grant", apps, subjects),
    operation("revoke", apps, subjects),
)


def operations(*kinds, length):
    """A list of operations of these kinds, each kind as often as any other."""
    return st.lists(st.one_of(*(st.one_of(*kind) for kind in kinds)), min_size=length // 3, max_size=length)
