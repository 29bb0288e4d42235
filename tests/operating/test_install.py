"""The installation of the guide, command by command, serves."""

import re

import pytest

from tests.documents import fences, read
from tests.operating.clusters import CommandFailed
from tests.operating.conftest import GUIDE
from tests.operating.guides import blocks

pytestmark = pytest.mark.xdist_group("operating")


async def test_what_the_guide_installs_is_ready_and_takes_the_token_that_it_ends_with(installed, operator):
    assert (await operator.get("/health/ready")).status_code == 200
    assert (await operator.get("/v1/products")).status_code == 200
    anybody = await operator.get("/v1/products", headers={"Authorization": "Bearer tenon_of_nobody"})
    assert anybody.status_code == 401


async def test_an_upgrade_keeps_what_is_there(installed, operator, homes):
    before = (await operator.get("/v1/tenants")).json()
    await installed.run_all(blocks(GUIDE, "4. Upgrade"))
    assert (await operator.get("/v1/tenants")).json() == before


async def test_an_upgrade_that_cannot_migrate_says_so_and_leaves_the_pods_alone(installed, operator):
    kept = installed.folder / "cluster" / "tenon-migrations"
    was = kept.read_text()
    # The two URLs mixed up.
    kept.write_text(was.replace('"ownerUrl"', '"x"').replace('"url"', '"ownerUrl"').replace('"x"', '"url"'))
    try:
        said = await installed.run(blocks(GUIDE, "4. Upgrade")[0], refused=True)
    finally:
        kept.write_text(was)
    assert "tenon_serving" in said or "permission denied" in said
    assert "Traceback" not in said
    assert (await operator.get("/health/ready")).status_code == 200


async def test_the_logs_of_a_request_are_found_and_their_level_is_changed_without_a_restart(
    installed, operator
):
    follow, change = blocks(GUIDE, "7. Logs")
    answer = await operator.get("/v1/products")
    installed.variables["PUSH"] = answer.headers["x-request-id"]
    assert '"route":"/v1/products"' in await installed.run(follow)
    louder, quieter = change.splitlines()

    async def lines():
        await operator.get("/health/ready")
        return (installed.folder / "cluster" / "log").read_text().count('"route":"/health/ready"')

    quiet = await lines()
    await installed.run(louder)
    loud = await lines()
    await installed.run(quieter)
    assert loud > quiet
    assert await lines() == loud


async def test_a_command_that_the_guide_gets_wrong_is_noticed(installed):
    with pytest.raises(CommandFailed):
        await installed.run("kubectl rollout restart deployment/tenon")
    with pytest.raises(CommandFailed):
        await installed.run("helm upgrade tenon helm/tenon --values=tenon-values.yaml --set=no.such=value")


@pytest.mark.parametrize("guide", ["operating", "rotate-keys", "backup-and-restore"])
def test_both_languages_show_the_same_commands(guide):
    english, chinese = (
        [re.sub(r"#.*", "", block) for block in fences(read(f"docs/{guide}{language}.md"), "sh", "yaml")]
        for language in ("", ".zh-CN")
    )
    assert chinese == english
