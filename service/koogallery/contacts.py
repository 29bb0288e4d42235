"""The buyer's contact data of a V1 purchase, which comes encrypted if the vendor asked for it."""

from collections.abc import Mapping

import structlog

from service.koogallery.fields import FieldNotDecryptable, decrypt_field

log = structlog.get_logger(__name__)

_FIELDS = {"mobilePhone": "mobile", "email": "email"}


def read_contact(fields: Mapping[str, str], access_key: str) -> dict[str, str]:
    """Decrypt what is there; what does not decrypt is left out, for an order must not fail over it."""
    contact = {}
    for field, name in _FIELDS.items():
        value = fields.get(field, "")
        if not value:
            continue
        try:
            contact[name] = decrypt_field(
                value, access_key=access_key, encrypt_type=fields.get("encryptType") or "1"
            )
        except FieldNotDecryptable:
            log.warning("contact_not_decryptable", field=field)
    return contact
