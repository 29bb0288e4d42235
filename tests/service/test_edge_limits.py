"""The marketplace's door under bad input: whatever comes, it answers 200 with a documented code."""

import asyncio
import json
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.koogallery import routes
from service.koogallery.canonical import parse_object
from service.koogallery.signing import sign_base, sign_kit, sign_v1, v1_body_text, v1_query_text
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, user
from tests.service.wire_garbage import ask, garbage_values

DOCUMENTED = {"000000", "000001", "000002", "000003", "000004", "000101"}
EXAMPLES = settings(max_examples=150)
