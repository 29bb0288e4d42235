"""Reading documents: their blocks, commands and examples, and running the examples."""

import itertools
import json
import re
import shlex

from tests.repository import ROOT

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

# What has another shape from one event, or one push, to the next.
FREE = {"counts", "after", "before", "data", "previous", "cause", "schema"}

_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")

_SHELL_SEPARATORS = re.compile(r"&&|\|\||;|\||\n")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def prose(text):
    return FENCE.sub("", text)


def fences(text, *languages):
    return [content for language, content in FENCE.findall(text) if language in languages]


def spans(text):
    return _SPAN.findall(prose(text))


def commands(text):
    """Every command in a document, in blocks and in the running text, as words."""
    blocks = [re.sub(r"\\\n\s*", " ", block) for block in fences(text, "sh")]
    for part in itertools.chain.from_iterable(
        _SHELL_SEPARATORS.split(item) for item in [*blocks, *spans(text)]
    ):
        words = re.sub(r"(^|\s)#.*", "", part).split()
        while words and "=" in words[0]:
            words.pop(0)
        if words and re.fullmatch(r"(?:\.venv/bin/)?(?:make|tenon)", words[0]):
            yield words[0].rpartition("/")[2], words[1:]


def anchors(text):
    """The anchors that a renderer makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def examples(text):
    """Each curl command of a guide with the answer that is shown below it, or None."""
    blocks = FENCE.findall(text)
    for (language, content), following in itertools.zip_longest(blocks, blocks[1:], fillvalue=("", "")):
        if language != "sh":
            continue
        lines = [command for command in split_commands(content) if command[:1] == ["curl"]]
        shown = json.loads(following[1]) if following[0] == "json" else None
        for number, command in enumerate(lines, 1):
            yield command, shown if number == len(lines) else None


def split_commands(block):
    """The commands of a block as words; a quoted body may go over lines."""
    joined = re.sub(r"\\\n\s*", " ", block)
    lexer = shlex.shlex(joined, posix=True, punctuation_chars="\n;")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, "#"
    words = []
    for word in lexer:
        if set(word) <= set("\n;"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


async def run_curl(client, words, variables):
    method, url, headers, body = None, None, {}, None
    rest = iter([re.sub(r"\$(\w+)", lambda match: variables[match[1]], word) for word in words[1:]])
    for word in rest:
        match word:
            case "-X":
                method = next(rest)
            case "-H":
                name, value = next(rest).split(":", 1)
                headers[name] = value.strip()
            case "-d":
                body = next(rest).encode()
            case _:
                assert url is None, f"curl would take {word} for a second address"
                url = word
    assert url is not None
    return await client.request(method or ("POST" if body else "GET"), url, headers=headers, content=body)


def assert_same_shape(shown, came, where="answer"):
    """The example has exactly the members of the real answer, and values of the same kinds."""
    if isinstance(shown, dict) and where.rpartition(".")[2] not in FREE:
        assert isinstance(came, dict), where
        assert shown.keys() == came.keys(), where
        for name, value in shown.items():
            assert_same_shape(value, came[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(came, list), where
        if shown and came:
            assert_same_shape(shown[0], came[0], f"{where}[0]")
    elif shown is not None and came is not None:
        assert type(shown) is type(came), where
