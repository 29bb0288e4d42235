"""authSync users on the wire and as facts."""

from typing import Any

from service.koogallery.results import INVALID, Refusal
from service.koogallery.wire import Extension, User
from tenancy.member_facts import MemberFacts

_TRUE = {"true", "1"}
_FALSE = {"false", "0"}
_ROLES = {"user", "admin"}


def member_facts(user: User, *, describing: bool) -> MemberFacts:
    """What a message says of a user; a withdrawal (not `describing`) needs the user name only.

    Raises:
        Refusal: the name is missing, or role or enable is none of the known values.
    """
    user_name = user.userName.strip()
    if not user_name:
        raise Refusal(INVALID, "Parameter invalid: userName is empty.")
    if not describing:
        return MemberFacts(user_name, {})
    if not (user.name or "").strip():
        raise Refusal(INVALID, "Parameter invalid: name is missing.")
    nested = user.extension or Extension()
    said: dict[str, Any] = {
        "name": user.name,
        "department_code": user.orgCode,
        "position": user.position,
        "employee_code": user.employeeCode,
        "employee_type": _either(user.employeeType, nested.employeeType),
        "mobile": user.mobile,
        "email": user.email,
        "work_place": _either(user.workPlace, nested.workPlace),
        "entry_date": _either(user.entryDate, nested.entryDate),
    }
    attributes: dict[str, Any] = {
        name: str(value).strip() or None for name, value in said.items() if value is not None
    }
    if user.role is not None:
        attributes["role"] = _role(user.role)
    if user.enable is not None:
        attributes["enabled"] = _enabled(user.enable)
    return MemberFacts(user_name, attributes)


def _either(flat: str | int | None, nested: str | int | None) -> str | int | None:
    return nested if flat is None else flat


def _role(text: str) -> str:
    role = text.strip().lower()
    if role not in _ROLES:
        raise Refusal(INVALID, "Parameter invalid: role is neither user nor admin.")
    return role


def _enabled(value: str | bool | int) -> bool:
    known = str(value).strip().lower()
    if known in _TRUE:
        return True
    if known in _FALSE:
        return False
    raise Refusal(INVALID, "Parameter invalid: enable is neither true nor false.")
