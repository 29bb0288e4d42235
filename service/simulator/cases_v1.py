"""Conformance cases about the first edition: signed queries, `authToken` and `Body-Sign`."""

import msgspec

from service.koogallery.fields import FieldNotDecryptable, decrypt_field, encrypt_field
from service.simulator import base_calls, kit_calls
from service.simulator.calls import SUCCESS, UNAUTHENTICATED, Call, Edition
from service.simulator.cases import Level, Registry
from service.simulator.cases_members import WANG
from service.simulator.context import Context, with_pair
from service.simulator.expectations import Unmet, expect

registry = Registry()


def _debug_purchase(context: Context) -> Call:
    return base_calls.new_instance(context.frame(Edition.V1, is_debug=True))


@registry.case(67, Level.DOCUMENTED)
async def body_sign(context: Context) -> None:
    """A V1 newInstance is answered, and `Body-Sign` fits the answer's exact bytes."""
    answer = await context.call(_debug_purchase(context), SUCCESS)
    expect(
        holds=answer.body_sign_name == "Body-Sign",
        expected="a header spelt exactly Body-Sign (the marketplace is strict about it)",
        came=answer.body_sign_name or "no such header",
    )
    expect(
        holds=answer.body_sign_valid is True,
        expected='sign_type="HMAC-SHA256", signature="base64 HMAC of the exact body with the key alone"',
        came="another value",
    )


@registry.case(68, Level.DOCUMENTED)
async def token_case(context: Context) -> None:
    """An `authToken` with one letter in the other case is refused."""
    signed = context.marketplace.sign(_debug_purchase(context))
    token = dict(signed.query)["authToken"]
    index = next(place for place, letter in enumerate(token) if letter.isalpha())
    swapped = token[:index] + token[index].swapcase() + token[index + 1 :]
    changed = msgspec.structs.replace(signed, query=with_pair(signed.query, "authToken", swapped))
    await context.send(changed, UNAUTHENTICATED)


@registry.case(69, Level.DOCUMENTED)
async def members_as_text(context: Context) -> None:
    """A V1 authSync with its list as text is accepted."""
    frame = await context.with_app(Edition.V1)
    extension = {"entryDate": "2025-9-1", "employeeType": "1", "workPlace": "深圳"}
    user = WANG | {"employeeCode": "", "mobile": "", "email": "", "extension": extension}
    await context.call(kit_calls.auth_sync(frame, [user]))


@registry.case(70, Level.DOCUMENTED, unseen="that the instance is frozen once")
async def expire_twice(context: Context) -> None:
    """A V1 expireInstance succeeds twice."""
    frame = await context.bought(Edition.V1)
    await context.call(base_calls.freeze(frame))
    await context.call(base_calls.freeze(frame), to="expireInstance again")


@registry.case(71, Level.DOCUMENTED, unseen="that the mobile phone decrypts to 13900000001")
async def encrypted_field(context: Context) -> None:
    """A V1 newInstance with an encrypted mobile phone is accepted; what it returns encrypted can be read."""
    call = _debug_purchase(context)
    key = context.marketplace.keys.v1
    mobile = encrypt_field("13900000001", access_key=key, encrypt_type="1", iv="Ab3dE6gH9jK2mN5p")
    extra = (("mobilePhone", mobile), ("encryptType", "1"))
    answer = await context.call(msgspec.structs.replace(call, query=(*call.query, *extra)), SUCCESS)
    app_info, encrypt_type = answer.members.get("appInfo"), answer.members.get("encryptType")
    user_name = app_info.get("userName") if isinstance(app_info, dict) else None
    if not (isinstance(user_name, str) and isinstance(encrypt_type, str) and user_name):
        return
    try:
        decrypt_field(user_name, access_key=key, encrypt_type=encrypt_type)
    except FieldNotDecryptable as error:
        raise Unmet(expected="a userName that decrypts with the key", came=str(error)) from error
