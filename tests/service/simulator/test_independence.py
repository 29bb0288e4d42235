import ast
from pathlib import Path

import service.simulator.commands

FOLDER = Path(service.simulator.commands.__file__).parent
ALLOWED = {
    "service.koogallery",
    "service.koogallery.canonical",
    "service.koogallery.signing",
    "service.koogallery.fields",
    "sso.keys",
}


def test_the_simulator_knows_nothing_of_tenon_but_signatures_and_keys():
    foreign = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            own = {name for name in names if name.split(".")[0] in {"service", "sso", "tenancy", "litestar"}}
            foreign |= {name for name in own if not name.startswith("service.simulator")}
    assert foreign <= ALLOWED
