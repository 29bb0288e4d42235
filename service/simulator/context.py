"""What a conformance case works with: fresh ids, and the steps that lead to the state it starts from."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from service.simulator import base_calls, kit_calls
from service.simulator.buyers import Frame, make_buyer
from service.simulator.calls import PROCESSING, SUCCESS, Answer, Call, Edition, Pairs, SignedCall
from service.simulator.expectations import NotChecked, Unmet, expect, expect_code
from service.simulator.marketplace import Marketplace
from service.simulator.sign_ins import WITHOUT_SIGN_INS, SignIns

PROVISIONING_POLLS = 30


class AppInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How a buyer reaches an instance, as queryInstance tells it."""

    front_end_url: str


class UsageInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One usage entry; the marketplace's checker demands both."""

    usage_value: float
    statistical_time: str


class InstanceInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One instance of a queryInstance answer."""

    instance_id: str
    app_info: AppInfo | None = None
    usage_info: Sequence[UsageInfo] | None = None


class QueryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What matters in a queryInstance answer."""

    info: Sequence[InstanceInfo] | None = None


class Context:
    """Talks to the vendor for one case; every frame it makes has ids that no other case or run uses."""

    def __init__(
        self,
        marketplace: Marketplace,
        *,
        poll_seconds: float = 1.0,
        sign_ins: SignIns | NotChecked = WITHOUT_SIGN_INS,
    ) -> None:
        """Talk through `marketplace`; a vendor that provisions later is asked 30 times with that pause.

        `sign_ins` is what signing in needs, or why it cannot be checked.
        """
        self.marketplace = marketplace
        self._poll_seconds = poll_seconds
        self._sign_ins = sign_ins

    def frame(self, edition: Edition = Edition.V2, *, is_debug: bool = False) -> Frame:
        """Make a new buyer; V1 needs its key."""
        if edition is Edition.V1 and not self.marketplace.keys.v1:
            raise NotChecked("V1 is checked when --v1-key is given")
        token = secrets.token_hex(8)
        buyer = make_buyer(token, name="一致性测试企业", short_name="scorecard")
        return Frame(buyer=buyer, edition=edition, is_debug=is_debug, tick=self.marketplace.moment)

    async def call(self, call: Call, *codes: str, to: str = "") -> Answer:
        """Make a call and expect one of the codes, without any those of a correct vendor."""
        answer = await self.marketplace.call(call)
        expect_code(answer, *(codes or call.expected), to=to)
        return answer

    async def send(self, signed: SignedCall, *codes: str, to: str = "") -> Answer:
        """Send what is signed already and expect one of the codes."""
        answer = await self.marketplace.send(signed)
        expect_code(answer, *codes, to=to)
        return answer

    async def bought(self, edition: Edition = Edition.V2) -> Frame:
        """Purchase an instance and wait until it is provisioned."""
        frame = self.frame(edition)
        answer = await self.call(base_calls.new_instance(frame), to="newInstance (to prepare)")
        expect(
            holds=bool(answer.instance_id),
            expected="newInstance (to prepare): a non-empty instanceId",
            came=answer.summary,
        )
        frame = with_instance(frame, answer.instance_id)
        if answer.result_code == PROCESSING:
            await self._provisioned(frame)
        return frame

    async def bound(self, edition: Edition = Edition.V2) -> Frame:
        """Purchase an instance and bind a new enterprise to it."""
        frame = await self.bought(edition)
        await self.call(kit_calls.tenant_sync(frame), to="tenantSync (to prepare)")
        return frame

    async def with_app(self, edition: Edition = Edition.V2) -> Frame:
        """Purchase, bind, and announce the application's credential."""
        line = self.public_key_line
        frame = await self.bound(edition)
        call = kit_calls.application_sync(frame, public_key_line=line)
        await self.call(call, to="applicationSync (to prepare)")
        return frame

    @property
    def sign_ins(self) -> SignIns:
        """What signing in needs; cases that need it are not checked without."""
        if isinstance(self._sign_ins, NotChecked):
            raise NotChecked(str(self._sign_ins))
        return self._sign_ins

    @property
    def public_key_line(self) -> str:
        """The vendor's public key; cases that need it are not checked without."""
        if not self.marketplace.public_key_line:
            raise NotChecked("applicationSync is checked when --public-key is given")
        return self.marketplace.public_key_line

    async def _provisioned(self, frame: Frame) -> None:
        for _ in range(PROVISIONING_POLLS):
            answer = await self.marketplace.call(base_calls.query_instance(frame))
            if answer.result_code == SUCCESS and any(entry.app_info for entry in instances(answer)):
                return
            await asyncio.sleep(self._poll_seconds)
        raise Unmet(
            expected=f"queryInstance: provisioned after {PROVISIONING_POLLS} questions", came=answer.summary
        )


def instances(answer: Answer) -> Sequence[InstanceInfo]:
    """Read a queryInstance answer; raises Unmet when its members have other names or types."""
    try:
        return msgspec.json.decode(answer.body, type=QueryAnswer).info or ()
    except msgspec.MsgspecError as error:
        raise Unmet(expected="queryInstance: info as documented", came=str(error)) from error


def with_instance(frame: Frame, instance_id: str) -> Frame:
    """Return the frame with another instance."""
    buyer = msgspec.structs.replace(frame.buyer, instance_id=instance_id)
    return msgspec.structs.replace(frame, buyer=buyer)


def edited(call: Call, **members: Any) -> Call:
    """Return the call with members of its body changed or added at the end; UNSET takes one away."""
    body = msgspec.json.decode(call.body, type=dict[str, Any]) | members
    kept = {name: value for name, value in body.items() if value is not msgspec.UNSET}
    return msgspec.structs.replace(call, body=msgspec.json.encode(kept))


def with_pair(pairs: Pairs, name: str, value: str | None) -> Pairs:
    """Return query arguments or headers with one of them changed, or left out for None."""
    changed = [(key, value if key == name else old) for key, old in pairs]
    return tuple((key, kept) for key, kept in changed if kept is not None)
