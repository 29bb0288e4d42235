"""What an undo should come to: the plain reading of what a push did and of what was said since."""

from copy import deepcopy

from tests.tenancy.histories import APPS, CODES, INSTANCES, PEOPLE


class Since:
    """What later messages have spoken of: departments, attributes of people, words on people."""

    def __init__(self):
        self.departments = set()
        self.attributes = set()
        self.words = set()

    def hear(self, deed):
        match deed.kind, deed.arguments:
            case "put_department", (_, department):
                self.departments.add(department.code)
            case "remove_department", (_, code):
                self.departments.add(code)
            case "list_departments", _:
                self.departments |= set(CODES)
            case "grant" | "modify", (instance, app, listed):
                for facts in listed:
                    self.attributes |= {(facts.user_name, name) for name in facts.attributes}
                    self.words |= {(instance, app, facts.user_name)} if deed.kind == "grant" else set()
            case "unbind", (instance,):
                self.words |= {(instance, app, name) for app in APPS for name in PEOPLE}
            case "cancelled" | "removed", (instance, app, listed):
                self.words |= {(instance, app, facts.user_name) for facts in listed}


def undone(before, after, now, since):
    """The model after the undo: `now` with what the push between `before` and `after` changed put back."""
    model = deepcopy(now)
    for code in CODES:
        was, became, present = (known.departments.get(code) for known in (before, after, now))
        if was not in (became, None) and present == became and code not in since.departments:
            model.departments[code] = was
    for name in PEOPLE:
        if before.is_present(name) or not after.is_present(name):
            _undo_words(before, after, now, since, model, name)
        if before.is_present(name) and after.is_present(name) and now.is_present(name):
            _undo_attributes(before, after, now, since, model, name)
    return model


def _undo_words(before, after, now, since, model, name):
    for key in [(instance, app, name) for instance in INSTANCES for app in APPS]:
        was, became, present = (_word(known, key) for known in (before, after, now))
        is_addition = was is None and became == "granted"
        if was == became or is_addition or present != became or key in since.words:
            continue
        if key[0] not in now.bound:
            continue
        kept = dict(model.words), set(model.removals)
        model.say(key, was or "unsaid", counts=was is not None)
        if now.is_present(name) and not model.is_present(name):
            model.words, model.removals = kept


def _word(model, key):
    word, counts = model.words.get(key, ("", False))
    return word if counts else None


def _undo_attributes(before, after, now, since, model, name):
    was, became, present = (known.people[name] for known in (before, after, now))
    changed = {key for key in was if key != "department_code" and was[key] != became[key]}
    is_same = all(present[key] == became[key] for key in was if key != "department_code")
    if is_same and not any((name, key) in since.attributes for key in changed):
        model.people[name] |= {key: was[key] for key in changed}
    code = was["department_code"]
    is_move = code not in (became["department_code"], None)
    is_spoken_of = (name, "department_code") in since.attributes
    if is_move and present["department_code"] == became["department_code"] and not is_spoken_of:
        model.people[name]["department_code"] = code


def closes_loop(departments, code, parent):
    """Whether a department would lie below itself under that parent."""
    while parent is not None and parent != code:
        parent = departments[parent][1] if parent in departments else None
    return parent == code
