"""What the code itself says of its use cases: everything public that writes events by itself."""

import ast

from tests.repository import ROOT, list_modules

# Whatever is told goes through one of these.
_RECORDERS = {("tenancy.acts", "record_act"), ("tenancy.pushes", "record_push")}


def _name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _imported(tree):
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _functions():
    """Each function with its node and what it refers to, by (module, name)."""
    functions = {}
    for path in list_modules("tenancy", "sso"):
        tree, module = ast.parse(path.read_text(encoding="utf-8")), _name(path)
        names = _imported(tree)
        names |= {node.name: (module, node.name) for node in tree.body if hasattr(node, "name")}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
                functions[module, node.name] = node, {names[name] for name in used & names.keys()}
    return functions


def _owns_its_transaction(node):
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return "db" not in {argument.arg for argument in arguments}


def list_use_cases():
    """`module.name` of each public function that records something, or has it recorded, by itself.

    Those of `tenancy` go without the name of their package.
    """
    functions = _functions()
    recording = set(_RECORDERS)
    assert recording <= functions.keys()
    while more := {key for key, (_, used) in functions.items() if used & recording} - recording:
        recording |= more
    return {
        f"{module.removeprefix('tenancy.')}.{name}"
        for module, name in recording
        if not name.startswith("_") and _owns_its_transaction(functions[module, name][0])
    }
