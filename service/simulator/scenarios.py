"""What happens between a marketplace and a vendor, story by story; each returns the vendor's answers."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import msgspec

from service.simulator import base_calls, kit_calls
from service.simulator.buyers import Buyer, Frame
from service.simulator.calls import INVALID, SUCCESS, Answer, Call, Edition
from service.simulator.chaos import REORDERING, Mode, disturb, is_genuine
from service.simulator.marketplace import Marketplace
from service.simulator.organisations import Member, Organisation
from service.simulator.reorganisation import Reorganisation

YEAR = timedelta(days=365)


class NoInstance(Exception):
    """The vendor gave no instance id for a purchase; look at its answer to newInstance."""


def ignore(answer: Answer) -> None:
    """Listen to nothing."""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One buyer's conversation with a vendor, and how it is disturbed; `listen` hears every answer."""

    marketplace: Marketplace
    buyer: Buyer
    edition: Edition = Edition.V2
    is_debug: bool = False
    chaos: frozenset[Mode] = frozenset()
    seed: int = 0
    listen: Callable[[Answer], None] = ignore

    @property
    def frame(self) -> Frame:
        """What the calls of this scene are made from."""
        tick = self.marketplace.moment
        return Frame(buyer=self.buyer, edition=self.edition, is_debug=self.is_debug, tick=tick)


async def play(scene: Scene, calls: Iterable[Call], *, stage: str) -> list[Answer]:
    """Make the calls one after the other, disturbed as the scene wants.

    Genuine calls that a vendor refused because they came too early are repeated once at the end in their own
    order, as the marketplace's retries would.
    """
    planned = list(calls)
    answers = [
        await _make(scene, call) for call in disturb(planned, scene.chaos, seed=f"{scene.seed}:{stage}")
    ]
    if scene.chaos & REORDERING:
        early = {
            answer.call.body
            for answer in answers
            if is_genuine(answer.call) and answer.result_code == INVALID and answer.as_expected
        }
        # A call that was dropped for good may still be missed by those that build on it.
        expected = (SUCCESS, INVALID) if Mode.DROP in scene.chaos else (SUCCESS,)
        again = [
            msgspec.structs.replace(call, expected=expected, note="again")
            for call in planned
            if call.body in early
        ]
        answers += [await _make(scene, call) for call in again]
    return answers


async def _make(scene: Scene, call: Call) -> Answer:
    answer = await scene.marketplace.call(call)
    scene.listen(answer)
    return answer


async def purchase(scene: Scene) -> tuple[Scene, list[Answer]]:
    """Buy (newInstance) and return the scene with the vendor's instance id in it.

    Buying the same order again is what the marketplace does to repeat a call: the id is then the first one's.
    Raises NoInstance when no id came.
    """
    answers = await play(scene, [base_calls.new_instance(scene.frame)], stage="purchase")
    if not any(answer.instance_id for answer in answers):
        answers.append(await _make(scene, base_calls.new_instance(scene.frame)))
    given = [answer.instance_id for answer in answers if answer.as_expected and answer.instance_id]
    if not given:
        raise NoInstance(
            f"newInstance gave no instanceId ({answers[-1].summary}); mend that interface first."
        )
    buyer = msgspec.structs.replace(scene.buyer, instance_id=given[0])
    return msgspec.structs.replace(scene, buyer=buyer), answers


async def bind(scene: Scene, organisation: Organisation) -> list[Answer]:
    """Bind the application to the enterprise: tenantSync, applicationSync, allOrgSync.

    Needs the vendor's public key in the marketplace; raises KeyRefused when it is none.
    """
    frame = scene.frame
    calls = [
        kit_calls.tenant_sync(frame),
        kit_calls.application_sync(frame, public_key_line=scene.marketplace.public_key_line),
        kit_calls.all_org_sync(frame, organisation.departments),
    ]
    return await play(scene, calls, stage="bind")


async def unbind(scene: Scene) -> list[Answer]:
    """Unbind the enterprise from the instance (tenantSync, deleting)."""
    return await play(scene, [kit_calls.tenant_sync(scene.frame, flag=kit_calls.REMOVE)], stage="unbind")


async def sync_departments(scene: Scene, organisation: Organisation) -> list[Answer]:
    """Tell the whole tree (allOrgSync)."""
    return await play(scene, [kit_calls.all_org_sync(scene.frame, organisation.departments)], stage="sync")


async def authorise(scene: Scene, members: Sequence[Member]) -> list[Answer]:
    """Authorise members (authSync, adding) in batches of at most 500."""
    return await play(scene, kit_calls.auth_syncs(scene.frame, members), stage="authorise")


async def revoke(scene: Scene, members: Sequence[Member]) -> list[Answer]:
    """Cancel the authorisation of members; V1 has no cancelling, so it removes them."""
    calls = kit_calls.auth_syncs(scene.frame, members, flag=kit_calls.CANCEL)
    return await play(scene, calls, stage="revoke")


async def reorganise(scene: Scene, reorganisation: Reorganisation) -> list[Answer]:
    """Tell incremental changes: moved members (authSync, changing), then each department (singleOrgSync)."""
    frame = scene.frame
    moved = kit_calls.auth_syncs(frame, reorganisation.moved_members, flag=kit_calls.MODIFY)
    changed = [kit_calls.single_org_sync(frame, change) for change in reorganisation.changes]
    return await play(scene, [*moved, *changed], stage="reorganise")


async def freeze(scene: Scene) -> list[Answer]:
    """Freeze the instance, as at its period's end."""
    return await play(scene, [base_calls.freeze(scene.frame)], stage="freeze")


async def unfreeze(scene: Scene) -> list[Answer]:
    """Unfreeze the instance."""
    return await play(scene, [base_calls.unfreeze(scene.frame)], stage="unfreeze")


async def renew(scene: Scene) -> list[Answer]:
    """Renew for a year from now (refreshInstance)."""
    call = base_calls.refresh_instance(
        scene.frame, order_id=f"{scene.buyer.order_id}R", expires_at=scene.marketplace.moment() + YEAR
    )
    return await play(scene, [call], stage="renew")


async def upgrade(scene: Scene) -> list[Answer]:
    """Change to a larger specification by a new order."""
    call = base_calls.upgrade(scene.frame, order_id=f"{scene.buyer.order_id}U")
    return await play(scene, [call], stage="upgrade")


async def check_change(scene: Scene) -> list[Answer]:
    """Ask whether the instance may change to a smaller specification (V2 only)."""
    return await play(scene, [base_calls.change_check(scene.frame)], stage="change-check")


async def query(scene: Scene) -> list[Answer]:
    """Ask for the instance as the buyer's resource page does."""
    return await play(scene, [base_calls.query_instance(scene.frame)], stage="query")


async def unsubscribe(scene: Scene) -> list[Answer]:
    """Release the instance by an unsubscribing order."""
    call = base_calls.release(scene.frame, order_id=f"{scene.buyer.order_id}X")
    return await play(scene, [call], stage="unsubscribe")


async def release(scene: Scene) -> list[Answer]:
    """Release the instance because its freeze period ran out (no order)."""
    return await play(scene, [base_calls.release(scene.frame)], stage="release")
