"""What a trace says of an SQL statement."""

import importlib
import pkgutil
import re
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sso
import tenancy
from service.traces.statements import describe_statement


@pytest.mark.parametrize(
    ("query", "summary"),
    [
        ("SELECT id FROM tenant WHERE id = $1", "SELECT tenant"),
        ('SELECT "product"."slug" FROM "product" WHERE "product"."slug" = $1', "SELECT product"),
        ("SELECT 1", "SELECT"),
        ("SELECT EXISTS (SELECT FROM app WHERE id = $1)", "SELECT app"),
        (
            "SELECT a IS DISTINCT FROM b FROM unnest($1) CROSS JOIN LATERAL (SELECT 1) JOIN push USING (id)",
            "SELECT push",
        ),
        (
            "WITH due AS MATERIALIZED (SELECT 1 FROM stream FOR UPDATE OF s) SELECT * FROM due",
            "SELECT stream",
        ),
        ("WITH taken AS (DELETE FROM feed RETURNING *) SELECT * FROM taken", "DELETE feed"),
        ("INSERT INTO client (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET name = $2", "INSERT client"),
        ("UPDATE stream s SET lease = $2 FROM chosen c WHERE s.id = c.id", "UPDATE stream"),
        ("DELETE FROM ONLY event WHERE at < $1", "DELETE event"),
        ("\n-- why\nINSERT INTO push (id) VALUES ($1)", "INSERT push"),
        ("INSERT INTO push (id) SELECT id FROM other", "INSERT push"),
        ("MERGE INTO department d USING t ON true WHEN MATCHED THEN UPDATE SET x = 1", "MERGE department"),
        (
            "WITH a AS (UPDATE x SET y = 1 RETURNING z), b AS (SELECT 1) INSERT INTO audit SELECT 1",
            "INSERT audit",
        ),
        (
            "WITH RECURSIVE w AS (SELECT 1 UNION ALL SELECT 2) SELECT e.id FROM w JOIN e USING (id)",
            "SELECT e",
        ),
        ("SELECT ') FROM trap' FROM kept", "SELECT kept"),
        ("SELECT set_config('role', $1, true)", "SELECT"),
        ("COMMIT", "COMMIT"),
        ("ROLLBACK", "ROLLBACK"),
        ("", "OTHER"),
    ],
)
def test_a_statement_is_known_by_what_it_does_to_which_table(query, summary):
    statement = describe_statement(query)
    assert statement.summary == summary
    assert statement.operation == (summary.split()[0])


def test_waiting_for_the_tenants_lock_has_a_name_of_its_own_and_no_tenant():
    plain = f"BEGIN; SELECT set_config('app.tenant_id', '{uuid4()}', true)"
    locking = f"{plain}, pg_advisory_xact_lock(hashtextextended('{uuid4()}', 0))"
    assert describe_statement(plain).summary == "BEGIN"
    assert describe_statement(locking).summary == "LOCK tenant"
    assert describe_statement(locking).operation == "BEGIN"


def statements_of_ours():
    for package in (sso, tenancy):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, str) and re.match(
                    r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE|MERGE)\b", value
                ):
                    yield f"{module.name}.{name}", value


def test_each_statement_of_ours_has_a_summary_that_names_its_table():
    found = dict(statements_of_ours())
    assert len(found) > 100
    summaries = {name: describe_statement(text).summary for name, text in found.items()}
    odd = {name: text for name, text in summaries.items() if not re.fullmatch(r"[A-Z]+ [a-z_]+", text)}
    # Parts of statements, and calls of functions.
    assert set(odd.values()) <= {"SELECT", "WITH"}, odd
    assert len(odd) <= 6, odd


@given(st.text(alphabet="(')\"ABFROM SELECTx-/*\n", max_size=80))
def test_no_text_is_too_odd_to_be_described_in_a_few_words(text):
    summary = describe_statement(text).summary
    assert re.fullmatch(r"[A-Z]+( \w+)?", summary), summary
