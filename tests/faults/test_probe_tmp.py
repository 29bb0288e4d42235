import json, secrets
import pytest
from tests.marketplace import *
from service.koogallery.signing import sign_kit, sign_base, sign_v1, v1_query_text, v1_body_text
from service.koogallery.canonical import parse_object
from urllib.parse import urlencode, quote

def show(tag, r):
    print(f"{tag:40s} {r.status_code} {r.text[:150]!r}")

async def kit(mp, interface, raw, http):
    n,t=secrets.token_hex(8), mp.stamp()
    r = await http.post(f"{mp.address}/produceAPI/v2/{interface}", content=raw, headers={"x-sign":sign_kit(KIT_KEY,nonce=n,timestamp=t,payload=raw),"x-timestamp":t,"x-nonce":n})
    return r

async def test_probe(http, api, marketplace, product):
    mp = marketplace
    ent = await mp.open_enterprise()
    for path in ["/koogallery", "/koogallery/", "/koogallery/%00", "/koogallery/%ff", "/koogallery/%ED%A0%80", f"/koogallery/{product}/%00", f"/koogallery/{product}/produceAPI/v2/%00", "/koogallery//x", "/koogallery/"+"a"*60000, f"/koogallery/{product}/../../x", "/koogallery/a%2Fb"]:
        for m in ("GET","POST","PUT","DELETE","PATCH","HEAD","OPTIONS"):
            if m in ("GET","POST") or path.endswith("/"): show(m+" "+path[:50], await http.request(m, path))
    base = {"instanceId": ent.instance, "tenantId": ent.tenant, "testFlag":0, "timeStamp": mp.time(1)}
    for ts in ["00010101000000", "99991231235959", "00010101000000000", 1, 10**30, None, True, 1.5, "²0250101000000"]:
        show(f"ts {ts}", await kit(mp, "singleOrgSync", json.dumps({**base,"flag":1,"orgCode":"D","orgName":"n","timeStamp":ts}).encode(), http))
    for raw in [b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'['*50000, b'{"a":'*50000, b'{"a":'+b'['*50000+b']'*50000+b'}', b'{"a":'+b'9'*10000+b'}', b'\xff', b'', b'null', b'{"userList":"\\ud800"}', b'{"tenantId":"\xed\xa0\x80"}', b'{"a":1e999999}', b'{"timeStamp":"\\ud83d"}']:
        for i in ("singleOrgSync","authSync", "x"):
            show(f"kit {i} {raw[:20]}", await kit(mp, i, raw, http))
        n,t=secrets.token_hex(8), mp.stamp()
        show("base", await http.post(mp.address, params={"signature":sign_base(BASE_KEY,nonce=n,timestamp=t,payload=raw),"timestamp":t,"nonce":n}, content=raw))
        show("v1kit", await http.post(f"{mp.address}/produceAPI/authSync", content=raw, headers={"authToken":"x"}))
    for q in [b"\xff=\xff", b"%ff=%ff&authToken=x&timeStamp=%ff", b"a=%00&authToken=x&timeStamp=1", b"&".join(b"a%d=1"%i for i in range(5000))+b"&authToken=x&timeStamp=1", b"authToken=%ff&timeStamp=1", b"authToken=\xff&timeStamp=1", b"nonce=%00"]:
        r = await http.get(f"{mp.address}?" , ) if False else None
        req = http.build_request("GET", mp.address)
        req.url = req.url.copy_with(query=q) if q.isascii() else req.url
        show(f"GET {q[:30]}", await http.send(req))
    for params in [{"activity":"queryInstance","instanceId":"\udcff","testFlag":"1"},{"activity":"queryInstance","instanceId":"\udcff","testFlag":"0"},{"activity":"\udcff"},{"activity":"newInstance","businessId":"\udcff","orderId":"1","testFlag":"1"},{"activity":"newInstance","businessId":"\x00","orderId":"1"},{"activity":"refreshInstance","instanceId":ent.instance,"orderId":"1","expireTime":"00010101000000"},{"activity":"refreshInstance","instanceId":ent.instance,"orderId":"1","expireTime":"99991231235959"}]:
        params={"timeStamp":mp.time(), **params}
        tok=sign_v1(V1_KEY,time_stamp=params["timeStamp"],text=v1_query_text(params,keep_blank=True))
        q=urlencode({**params,"authToken":tok}, errors="surrogateescape")
        req = http.build_request("GET", mp.address)
        req.url = req.url.copy_with(query=q.encode())
        show(f"V1 {params}", await http.send(req))
    for body in [{"expireTime":"00010101000000"},{"expireTime":"99991231235959999"}]:
        print(await mp.base({"activity":"refreshInstance","scene":"RENEWAL","instanceId":ent.instance,"orderId":"1","orderLineId":"1",**body}))
    print("=== bind extreme times")
    print(await ent.bind(at="19690101000000000"), await ent.bind(at="00010102000000000"))
    print("userlist")
    for ul in ['"['+'a'*20000+'"', '"[{a:1}]"', '"['+'\\\\\\"'*3000+'"', '{}', '[null]', '"x"', '1', 'true', '[{"userName":"u","name":"n","employeeType":'+'9'*5000+'}]','[{"userName":"u","name":"n","employeeType":'+'9'*4000+',"enable":'+'9'*40+'}]']:
        import time; s=time.time()
        show("userList "+ul[:20], await kit(mp,"authSync",json.dumps({**base,"flag":1,"appId":ent.app,"currentSyncTime":mp.time(2)}).encode()[:-1]+b',"userList":'+ul.encode()+b'}', http)); print(time.time()-s)
    print("=== v1")
    [t]=(await api.get("/v1/tenants",params={"external_id":ent.tenant})).json()["items"]
    H=f"/v1/tenants/{t['id']}"
    import base64
    cur=lambda v: base64.urlsafe_b64encode(json.dumps(v).encode()).rstrip(b"=").decode()
    for p in ["/v1/products/%00","/v1/products/%ff","/v1/products/%ED%A0%80","/v1/products/a%2Fb","/v1/instances/%00","/v1/instances?product=%00","/v1/instances?product=%ff","/v1/tenants?external_id=%00","/v1/tenants?limit=99999999999999999999","/v1/tenants?test=xx","/v1/tenants?cursor="+cur("\x00"),"/v1/products?cursor="+cur("\x00"),"/v1/products?cursor=%ff","/v1/products?cursor=A","/v1/products?cursor="+"A"*1999, "/v1/products?cursor="+base64.urlsafe_b64encode(b"["*1400).decode(), "/v1/tenants/x", f"{H}/departments/%00",f"{H}/departments?parent=%00",f"{H}/members?q=%00",f"{H}/members/%00",f"{H}/apps/%00/access/%00",f"{H}/pushes?cursor="+cur(["0001-01-01T00:00:00+14:00",t['id']]),f"{H}/pushes?cursor="+cur(["0001-01-01T00:00:00",t['id']]),f"{H}/pushes/{t['id']}/changes?cursor="+cur(10**30),f"{H}/pushes/{t['id']}/changes?cursor="+cur(-10**18), f"{H}/apps?cursor="+cur(["\x00","a"]), "/v1/nothing", H.upper().replace("/V1/TENANTS","/v1/tenants"), f"{H}/departments?cursor=%C3%A9", f"{H}/departments?limit=", f"{H}/departments?"+"&".join(f"a{i}=1" for i in range(3000))]:
        r=await api.get(p); print(f"{p[:70]:72s} {r.status_code} {r.headers.get('content-type')} {r.text[:90]!r}")
    for m,p,kw in [("PUT","/v1/products/x1",dict(content=b"["*100000)),("PUT","/v1/products/x1",dict(content=b'{"a":'*20000)),("PUT","/v1/products/x1",dict(content=b"\xff")),("PUT","/v1/products/x1",dict(json={"name":"\x00"})),("PUT","/v1/products/x1",dict(json={"name":"a","memo":"\x00"})),("PUT","/v1/products/x1",dict(content=b'{"name":"\\ud800"}')),("PUT","/v1/products/x1",dict(json={"name":"a","rsa_private_keys":["\x00é"]})),("PUT","/v1/products/x1",dict(json={"name":"a","rsa_private_keys":[""]})),("PUT","/v1/products/x1",dict(json={"name":"a","v1_utc_offset_hours":10**30})),("PUT",f"/v1/products/{product}",dict(json={"name":"a"},headers={"If-Match":"9"*6000})),("PUT",f"/v1/products/{product}",dict(json={"name":"a"},headers={"If-Match":'"*"'})),("PUT","/v1/products/x1",dict(content=b'{"name":"a"}',headers={"Content-Type":"text/\xff"})),("PUT","/v1/products/x1",dict(content=b'a'*2000000)),("PUT","/v1/products/%00",dict(json={"name":"a"})),("DELETE","/v1/products/%00",{}),("PATCH","/v1/instances/%00",dict(json={"state":"active"})),("PATCH",f"/v1/instances/{ent.instance}",dict(json={"state":"active","memo":"\x00"})),("POST","/v1/products",{}),("GET","/v1/products",dict(headers={"Authorization":"Bearer \xff"})),("GET","/v1/products",dict(headers={"Authorization":"Bearer"})),("GET","/v1/products",dict(headers={"Cookie":"=;=\xff;\x01"})),("GET","/openapi.json",{}),("GET","/docs",{}),("OPTIONS","/v1/products",{}),("HEAD","/v1/products",{}),("TRACE","/v1/products",{})]:
        try:
            r=await api.request(m,p,**kw); print(f"{m} {p[:50]} {str(kw)[:50]} {r.status_code} {r.headers.get('content-type')} {r.text[:120]!r}")
        except Exception as e: print(m,p,str(kw)[:50],repr(e))
