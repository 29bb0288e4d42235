from urllib.parse import urlencode
from uuid import uuid4

from service.koogallery.signing import body_sign, sign_v1, v1_query_text
from tests.conformance.bodies import body_sign_of, v1_order
from tests.conformance.directory import Directory
from tests.conformance.vectors import APP, INSTANCE, TENANT, VECTORS
from tests.marketplace import V1_KEY, Answer


async def test_case_67_a_v1_purchase_is_answered_with_a_signed_body(vectors, purchases):
    answer = await vectors.v1_get("v1-get-newInstance")
    assert (answer.code, answer.body["instanceId"]) == ("000000", INSTANCE)
    assert body_sign_of(answer) == body_sign(V1_KEY, answer.response.content)
    assert await purchases.ids() == []


async def test_case_67_a_real_v1_purchase_is_kept_and_shows_its_address(marketplace, purchases):
    params = v1_order(expireTime="20261211235959", trialFlag="1")
    answer = await marketplace.v1_get(params)
    assert answer.code == "000000"
    assert answer.body["appInfo"] == {"frontEndUrl": "https://saas.example.com"}
    assert body_sign_of(answer) == body_sign(V1_KEY, answer.response.content)
    [instance] = await purchases.ids()
    assert instance == answer.body["instanceId"]
    # China time, by default.
    assert (await purchases.read(instance))["expires_at"] == "2026-12-11T15:59:59Z"
    again = await marketplace.v1_get({**params, "businessId": str(uuid4())})
    assert again.body == answer.body
    assert await purchases.ids() == [instance]


async def test_case_67_a_debug_purchase_is_answered_as_fully_as_a_real_one(vectors, marketplace):
    debug = await vectors.v1_get("v1-get-newInstance")
    real = await marketplace.v1_get(v1_order())
    assert debug.body.keys() == real.body.keys()


async def test_case_68_an_auth_token_with_one_letter_in_the_other_case_is_refused(marketplace, purchases):
    params = {**v1_order(), "timeStamp": marketplace.time()}
    text = v1_query_text(params, keep_blank=True)
    token = sign_v1(V1_KEY, time_stamp=params["timeStamp"], text=text)
    place = next(index for index, letter in enumerate(token) if letter.isalpha())
    swapped = token[:place] + token[place].swapcase() + token[place + 1 :]
    query = urlencode({**params, "authToken": swapped})
    answer = Answer(await marketplace.http.get(f"{marketplace.address}?{query}"))
    assert (answer.response.status_code, answer.code) == (200, "000001")
    assert body_sign_of(answer) == body_sign(V1_KEY, answer.response.content)
    assert await purchases.ids() == []


async def test_case_69_a_v1_list_of_members_comes_as_text(demo, vectors, api):
    answer = await vectors.v1_post("v1-post-authSync")
    assert answer.code == "000000"
    assert body_sign_of(answer) == body_sign(V1_KEY, answer.response.content)
    directory = Directory(api, TENANT)
    member = await directory.member("wang.fang")
    assert (member["name"], member["role"], member["department_codes"]) == ("王芳", "admin", ["D100200"])
    assert (member["entry_date"], member["employee_type"], member["work_place"]) == ("2025-9-1", "1", "深圳")
    assert (member["mobile"], member["email"], member["employee_code"]) == (None, None, None)
    assert await directory.allowed("wang.fang", APP)


async def test_case_70_an_instance_expires_once(marketplace, purchases):
    params = v1_order()
    instance = (await marketplace.v1_get(params)).body["instanceId"]
    expire = {"activity": "expireInstance", "instanceId": instance, "orderId": params["orderId"]}
    assert (await marketplace.v1_get(expire)).code == "000000"
    frozen = await purchases.read(instance)
    assert frozen["state"] == "frozen"
    assert (await marketplace.v1_get(expire)).code == "000000"
    assert await purchases.read(instance) == frozen
    verdicts = [push["verdict"] for push in await purchases.pushes() if push["interface"] == "expireInstance"]
    assert sorted(verdicts) == ["applied", "unchanged"]


async def test_case_71_an_encrypted_mobile_number_is_decrypted(marketplace, api):
    for name in ("aes256-mobile", "aes128-mobile"):
        vector = VECTORS[name]
        answer = await marketplace.v1_get(
            v1_order(mobilePhone=vector["cipher"], encryptType=str(vector["encryptType"]))
        )
        assert answer.code == "000000"
        instance = (await api.get(f"/v1/instances/{answer.body['instanceId']}")).json()
        assert instance["contact"] == {"mobile": "13900000001"}, name
