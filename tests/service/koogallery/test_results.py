"""What the marketplace is answered, byte for byte."""

import json

from service.koogallery.results import Answer


def test_chinese_text_for_the_buyer_is_escaped_as_the_marketplace_demands():
    content = Answer("000000", "success.", {"info": [{"appInfo": {"memo": "已开通"}}]}).encode()
    assert b'"memo":"\\u5df2\\u5f00\\u901a"' in content
    assert json.loads(content)["info"][0]["appInfo"]["memo"] == "已开通"


def test_a_message_is_cut_to_what_the_marketplace_takes():
    assert len(json.loads(Answer("000002", "字" * 300).encode())["resultMsg"]) == 255
