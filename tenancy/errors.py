"""What can go wrong in the domain: six categories, one class per error, the docstring is the message."""

import re


class DomainError(Exception):
    """The request could not be carried out."""

    code: str = "domain_error"

    def __init_subclass__(cls) -> None:
        """Derive the stable machine code from the class name: `TenantUnknown` is `tenant_unknown`."""
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, detail: str | None = None) -> None:
        self.message = (type(self).__doc__ or "").strip()
        self.detail = detail
        super().__init__(f"{self.message} {detail}" if detail else self.message)


class NotFound(DomainError):
    """There is no such thing."""


class Gone(DomainError):
    """What was asked for is not kept any more."""


class Conflict(DomainError):
    """The request contradicts the present state."""


class Forbidden(DomainError):
    """The caller may not do this."""


class Invalid(DomainError):
    """The request says something that cannot be."""


class Unavailable(DomainError):
    """Something that Tenon needs is not available at the moment; try again."""


class ProductUnknown(NotFound):
    """There is no such product."""


class InstanceUnknown(NotFound):
    """There is no such instance."""


class TenantUnknown(NotFound):
    """There is no such tenant; synchronise the enterprise first."""


class TenantErased(TenantUnknown):
    """The tenant has been erased meanwhile; ask again."""


class DepartmentUnknown(NotFound):
    """There is no such department."""


class MemberUnknown(NotFound):
    """There is no such member."""


class AppUnknown(NotFound):
    """There is no such app; synchronise the application first."""


class GroupUnknown(NotFound):
    """There is no such group."""


class GrantUnknown(NotFound):
    """There is no such grant."""


class PushUnknown(NotFound):
    """There is no such push."""


class PushBodyUnknown(NotFound):
    """What came in this push is not kept, or not any more."""


class DepartmentLoop(Conflict):
    """The department would become its own ancestor."""


class GroupLoop(Conflict):
    """The group would contain itself."""


class GroupChanged(Conflict):
    """The group has been changed meanwhile; read it again."""


class GrantedByMarketplace(Conflict):
    """Only the marketplace has authorised this member, so only the marketplace can withdraw it."""


class PushEventsRemoved(Gone):
    """What the push has changed is no longer kept, so that it cannot be undone."""


class InstanceReleased(Conflict):
    """The instance has been released and cannot be changed any more."""


class ProductInUse(Conflict):
    """The product is still in use, by instances that are not released or by clients."""


class ProductChanged(Conflict):
    """The product has been changed meanwhile; read it again."""


class CursorInvalid(Invalid):
    """The cursor is not one that this list gave out."""


class PushNotHeld(Conflict):
    """This push does not wait for a review."""


class PushNotFailed(Conflict):
    """Only a push that failed by a fault of ours can be carried out again."""


class PushBodyRemoved(Conflict):
    """What came in this push is not kept, or not any more, so it cannot be carried out again."""


class PushKeyRemoved(Conflict):
    """The key that signed this push is no longer one of the product's; have it sent again."""


class PushOvertaken(Conflict):
    """A later call about the same purchase has been carried out, which this one would undo."""


class PlanChanged(Conflict):
    """The list would change something else by now; look at its plan again and approve that."""


class SyncOutdated(Conflict):
    """A newer full list has been applied meanwhile; reject this one."""


class NameInvalid(Invalid):
    """A name has 1 to 255 characters, without control characters and marks that change the direction."""


class GroupIdInvalid(Invalid):
    """The id of a group has 1 to 64 lower-case letters, digits, dots, underscores and hyphens."""


class ValueUnstorable(Invalid):
    """A value cannot be kept: a text holds U+0000, or a number or a time is out of range."""


class SecretUndecryptable(Unavailable):
    """A stored secret cannot be decrypted; the encryption key it names is not configured."""


class DatabaseUnavailable(Unavailable):
    """The database is not available at the moment; try again."""
