"""Finds the form of a page that a person would send by its button."""

from html.parser import HTMLParser

import msgspec


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A form that posts: where to, and what goes there when its first button is pressed."""

    action: str
    fields: dict[str, str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._is_inside = False
        self._is_pressed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("method", "").lower() == "post":
            self.forms.append(Form(action=values.get("action", ""), fields={}))
            self._is_inside, self._is_pressed = True, False
        elif self._is_inside:
            is_button = tag == "button" and not self._is_pressed
            self._is_pressed = self._is_pressed or is_button
            if "name" in values and (is_button or (tag == "input" and values.get("type") == "hidden")):
                self.forms[-1].fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False


def find_form(page: bytes) -> Form | None:
    """Find the first form of a page that posts."""
    reader = _Reader()
    reader.feed(page.decode("utf-8", "replace"))
    return reader.forms[0] if reader.forms else None
