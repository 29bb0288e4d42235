"""What the tests of pages need to know of an HTML document, and that it is written with care."""

from html.parser import HTMLParser

VOID = {"input", "meta"}
ADDRESSES = {"href", "action", "src", "formaction"}


class Outline(HTMLParser):
    """A page as its elements and texts; a closing tag that does not fit is an error."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.texts = {}
        self._open = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in set(self._open):
            self.texts[tag] = self.texts.get(tag, "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, attribute):
        return [
            attributes[attribute] for _, attributes in self.elements if attributes.get(attribute) is not None
        ]

    @property
    def shape(self):
        """The elements and the names of their attributes, which no value may change."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def outline_of(response):
    return Outline(response.content.decode())
