"""Makes the table of values in the chart's README of the comments in values.yaml.

`python -m tests.helm.reference` writes it.
"""

import json
import re

from tests.helm.charts import CHART, read_values

README = CHART / "README.md"
_BEGIN, _END = "<!-- values: made by tests/helm/reference.py -->\n", "<!-- end of values -->\n"
_KEY = re.compile(r"^( *)(\w+):")
_COMMENT = re.compile(r"^ *# -- (.+)$")


def comments(text):
    """Each key that a comment explains, as its path, with the comment."""
    path, meaning = [], None
    for line in text.splitlines():
        if found := _COMMENT.match(line):
            meaning = found[1]
        elif found := _KEY.match(line):
            path = [*path[: len(found[1]) // 2], found[2]]
            if meaning:
                yield ".".join(path), meaning
            meaning = None


def find(path):
    """The value at a path."""
    value = read_values()
    for name in path.split("."):
        value = value[name]
    return value


def table():
    """The table, in the order of values.yaml."""
    rows = [
        f"| `{path}` | `{json.dumps(find(path), ensure_ascii=False)}` | {meaning} |\n"
        for path, meaning in comments((CHART / "values.yaml").read_text(encoding="utf-8"))
    ]
    return "".join(["| value | default | meaning |\n", "|---|---|---|\n", *rows])


def made(readme):
    """The README with the table as it has to be."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


if __name__ == "__main__":
    README.write_text(made(README.read_text(encoding="utf-8")), encoding="utf-8")
