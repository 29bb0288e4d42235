"""The one Piccolo app: all tables, one linear history in the top-level `migrations` folder."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="tenon",
    migrations_folder_path=str(Path(__file__).resolve().parent.parent / "migrations"),
    table_classes=table_finder(
        [
            "tenancy.tables",
            "tenancy.history_tables",
            "tenancy.event_tables",
            "tenancy.endpoint_tables",
            "sso.tables",
        ],
        exclude_imported=True,
    ),
)
