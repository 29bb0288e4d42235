"""What queryInstance tells the buyer of an instance."""

from typing import Any

from tenancy.instance_rows import InstanceRecord
from tenancy.products import Product


def show_app(instance: InstanceRecord, product: Product, public_url: str) -> dict[str, str]:
    """Where the buyer finds the product: the instance's own addresses, else the product's, else ours."""
    settings = product.settings
    shown = {
        "frontEndUrl": instance.front_end_url or settings.front_end_url or public_url,
        "adminUrl": instance.admin_url or settings.admin_url,
        "memo": instance.memo or settings.memo,
    }
    return {name: value for name, value in shown.items() if value}


def show_instance(instance: InstanceRecord, product: Product, public_url: str) -> dict[str, Any]:
    """One entry of the answer; without addresses while it is being provisioned."""
    if instance.state == "provisioning":
        return {"instanceId": instance.instance_id}
    return {"instanceId": instance.instance_id, "appInfo": show_app(instance, product, public_url)}


def invented_info(instance_id: str, product: Product, public_url: str) -> dict[str, Any]:
    """The entry for an invented id of a debug call."""
    front_end_url = product.settings.front_end_url or public_url
    return {"instanceId": instance_id, "appInfo": {"frontEndUrl": front_end_url}}
