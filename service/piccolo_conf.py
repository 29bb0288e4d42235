"""What Piccolo's migration machinery looks for: the engine and the registry of its one app."""

from piccolo.conf.apps import AppRegistry

from tenancy.database import DB

__all__ = ["APP_REGISTRY", "DB"]

APP_REGISTRY = AppRegistry(apps=["service.piccolo_app"])
