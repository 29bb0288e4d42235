"""The blocks of a guide, section by section, as somebody would carry them out."""

import re

from tests.documents import FENCE, read

_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def section(guide, heading):
    """What stands below a heading, down to the next one of its level or above."""
    # A comment in a shell's block looks like a heading.
    text = read(guide)
    hidden = FENCE.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    [found] = [match for match in _HEADING.finditer(hidden) if match[2] == heading]
    later = (match.start() for match in _HEADING.finditer(hidden, found.end()) if match[1] <= found[1])
    return text[found.end() : next(later, None)]


def blocks(guide, heading, language="sh"):
    """The blocks of one language in a section, in order."""
    return [content for name, content in FENCE.findall(section(guide, heading)) if name == language]
