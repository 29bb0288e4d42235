"""Department trees for property tests."""

from hypothesis import strategies as st

from tenancy.tree import Department

CODES = tuple(f"D{number}" for number in range(8))


@st.composite
def trees(draw, min_size=0):
    """A proper tree as a list in any order; some departments have a parent that is not listed."""
    codes = draw(st.lists(st.sampled_from(CODES), unique=True, min_size=min_size))
    listed = []
    for number, code in enumerate(codes):
        parent = draw(st.sampled_from([None, "unknown", *codes[:number]]))
        listed.append(Department(code, draw(st.sampled_from(("one", "two"))), parent))
    return draw(st.permutations(listed))
