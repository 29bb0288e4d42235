"""Names and values of parameters that nobody would send."""

import base64

from hypothesis import strategies as st

NAMES = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "tenant",
    "app",
    "connection",
    "request",
    "request_uri",
    "return_to",
    "csrf",
    "flow",
    "code",
    "iss",
    "error",
    "grant_type",
    "code_verifier",
    "refresh_token",
    "token",
    "token_type_hint",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "id_token_hint",
    "post_logout_redirect_uri",
    "",
    "\0",
    "x" * 300,
]

_jwt = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"x","typ":"JWT"}').rstrip(b"=")
VALUES = st.binary(max_size=24) | st.sampled_from(
    [
        b"",
        b"\0",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"%",
        b"%zz",
        b"\r\nx: y",
        b"x" * 2048,
        b"x" * 2049,
        b"x" * 9000,
        b"-1",
        b"9" * 400,
        "٣²é\u202e𝔞".encode(),
        b"[]",
        b"//evil.example",
        b"/\xe4\xb8\xad\xe6\x96\x87?x=\"<>'^`{|}",
        b"tenon_ac_" + b"A" * 70,
        b"tenon_at_" + b"A" * 70,
        b"tenon_rt_" + b"A" * 70,
        b"tenon_rt_\xc3\xa9",
        b"00000000-0000-0000-0000-000000000000",
        b"urn:ietf:params:oauth:request_uri:\0",
        _jwt + b".e30.AAAA",
        _jwt + b"." + b"W" * 500 + b".x",
        b"eyJhbGciOiJub25lIn0.e30.",
        b"W1tbW1tb" * 400 + b"..",
        b"koogallery",
        b"authorization_code",
        b"refresh_token",
    ]
)
GARBAGE = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6)
