"""What is no genuine callback is refused early, with an empty body, and hurts nobody; 5,000 damaged callbacks never give a 5xx."""

import asyncio
import contextlib
import random
import string
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bot import wechat_envelope
from bot.wechat import BODY
from tests.fakes.wechat import Keys, Tags, cdata
from tests.wechat_account import OPENID, PERSON, Account, account, inside

REFUSED = (403, b"")
GARBLED = (400, b"")


async def send(place: Account, query: Any, body: str | bytes) -> tuple[int, bytes]:
    content = body.encode() if isinstance(body, str) else body
    async with httpx.AsyncClient(transport=place.platform.transport, timeout=20) as client:
        response = await client.post(f"{place.platform.address}/wechat", params=query, content=content)
        return response.status_code, response.content


def text(place: Account, content: str = "你好") -> tuple[dict[str, str], str]:
    return place.platform.sealed(place.platform.xml(OPENID, "text", Content=content))


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce", "msg_signature", "encrypt_type"])
async def test_a_parameter_that_is_missing_doubled_or_wrong_is_refused(tmp_path: Path, name: str) -> None:
    async with inside(tmp_path) as place:
        query, body = text(place)
        assert await send(place, {k: v for k, v in query.items() if k != name}, body) == REFUSED
        assert await send(place, [*query.items(), (name, query[name])], body) == REFUSED
        assert await send(place, {**query, name: query[name][:-1] + "0x"}, body) == REFUSED
        assert await send(place, {**query, name: "签名" + query[name]}, body) == REFUSED
        assert place.desk.store.load(PERSON).revision == 0


async def test_a_forged_body_on_a_valid_address_is_refused_and_nothing_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with inside(tmp_path) as place:
        parsed: list[str] = []
        monkeypatch.setattr(wechat_envelope, "parse", parsed.append)
        query, body = text(place)
        _, other = text(place, "删除我的数据")
        plain = place.platform.xml(OPENID, "text", Content="删除我的数据")
        for forged in (other, plain, body.replace("<Encrypt>", "<Encrypt><![CDATA[AAAA]]></Encrypt><Encrypt>"), "", "<xml/>"):
            assert await send(place, query, forged) == REFUSED
        assert parsed == []


async def test_a_replay_is_taken_within_ten_minutes_and_not_after(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        query, body = text(place)
        for seconds, status in ((600, 200), (601, 403), (-600, 200), (-601, 403)):
            place.clock.now = float(query["timestamp"]) + seconds
            assert (await send(place, query, body))[0] == status, seconds
        assert place.desk.store.load(PERSON).revision == 1


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "NaN", "１７６７２２５６００", "9" * 40, " 1767225600"])
async def test_a_signed_timestamp_that_is_no_number_of_now_is_refused(tmp_path: Path, stamp: str) -> None:
    async with inside(tmp_path) as place:
        query, body = text(place)
        signed = {**query, "timestamp": stamp, "signature": Keys().signature(stamp, query["nonce"])}
        assert await send(place, signed, body) == REFUSED


async def test_whatever_is_wrong_with_the_cipher_is_one_refusal(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        keys, xml = Keys(), place.platform.xml(OPENID, "text", Content="你好")
        good = keys.encrypt(xml)
        other = Keys(aes_key="Z" * 43)
        for sealed in (
            keys.encrypt(xml, "wxffffffffffffffff"),
            other.encrypt(xml),
            good[:-4],
            good[: len(good) // 2],
            "AAAA",
            "====",
            "A" * 64,
        ):
            assert await send(place, *signed_body(place, sealed)) == REFUSED, sealed[:8]


def signed_body(place: Account, sealed: str) -> tuple[dict[str, str], str]:
    """A delivery of that ciphertext, signed by somebody who has the token."""
    query, _ = text(place)
    query["msg_signature"] = Keys().signature(query["timestamp"], query["nonce"], sealed)
    return query, f"<xml><Encrypt>{cdata(sealed)}</Encrypt></xml>"


def hostile(place: Account) -> dict[str, str]:
    """XML that no parser should see, as somebody with the keys could send it."""
    head = place.platform.xml(OPENID, "text", Content="你好").removesuffix("</xml>")
    return {
        "doctype": f'<!DOCTYPE xml [<!ENTITY a "b">]>{head}</xml>',
        "entity": f'{head}<Content>&a;</Content></xml><!ENTITY a "b">',
        "deep": f"{head}{'<a>' * 9}{'</a>' * 9}</xml>",
        "very deep": "<a>" * 8000,
        "many tags": f"{head}{'<a/>' * 5000}</xml>",
        "open data": f"{head}<a>{'<![CDATA[' * 4000}</a></xml>",
        "doubled": f"{head}<Content>b</Content></xml>",
        "nested": f"{head}<MsgType><a>text</a></MsgType></xml>",
        "no root": "你好",
        "empty": "",
        "control": f"{head}<Content>&#0;</Content></xml>",
        "odd sender": head.replace(OPENID, "o\nX-Header: 1") + "</xml>",
        "odd time": place.platform.xml(OPENID, "text", Content="你好", CreateTime="NaN"),
        "no id": place.platform.xml(OPENID, "text", Content="你好", MsgId=""),
        "no event": place.platform.xml(OPENID, "event", EventKey="k"),
        "tags for text": place.platform.xml(OPENID, "text", Content=Tags("<a>1</a><b>2</b>")),
    }


async def test_declarations_depth_tags_and_wrong_types_are_refused_before_they_cost_anything(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        await send(place, *text(place))
        for name, xml in hostile(place).items():
            assert await send(place, *place.platform.sealed(xml)) == GARBLED, name
        assert place.desk.store.load(PERSON).revision == 1


async def test_people_may_write_markup_in_their_texts(tmp_path: Path) -> None:
    async with inside(tmp_path) as place:
        for written in ("<!DOCTYPE html><p>你好", "<" * 1500, "]]><a>&lt;"):
            assert (await place.platform.say(OPENID, written)).fault == ""


async def test_a_body_over_64_kib_is_refused_whatever_its_length_says(tmp_path: Path) -> None:
    with account(tmp_path) as place:
        query, body = text(place)
        assert await send(place, query, body + " " * (BODY - len(body.encode()))) != GARBLED
        assert await send(place, query, body + " " * (BODY + 1 - len(body.encode()))) == GARBLED

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield b"x" * 1024

        async with httpx.AsyncClient() as client:
            with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):  # closed while we still send
                response = await client.post(f"{place.platform.address}/wechat", params=query, content=chunks())
                assert (response.status_code, response.content) == GARBLED
        assert (await place.platform.say(OPENID, "你好")).text.startswith("您好")


async def test_slow_and_lying_clients_are_cut_off_and_others_are_answered(tmp_path: Path) -> None:
    with account(tmp_path) as place:
        place.channel.reading = 0.5
        query, body = text(place)
        raw = f"POST /wechat?{httpx.QueryParams(query)} HTTP/1.1\r\nHost: a\r\nContent-Length: {{}}\r\n\r\n"
        slow = [await opened(place, raw.format(5000) + "x") for _ in range(50)]
        slow.append(await opened(place, raw.format(len(body.encode()) + 500) + body))
        odd = [await opened(place, raw.format(length) + body) for length in ("3", "-5", "9" * 30)]
        assert (await place.platform.say("oANOTHER", "你好")).text.startswith("您好")
        for client in slow:
            assert (await first_bytes(client)).startswith(b"HTTP/1.1 400")
        for client in odd:
            assert (await first_bytes(client))[9:10] in (b"4", b"")
        assert (await place.platform.say("oANOTHER", "你好")).fault == ""
        assert place.desk.store.load(PERSON).revision == 0


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def opened(place: Account, request: str) -> Client:
    at = urlsplit(place.platform.address)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(request.encode())
    await writer.drain()
    return reader, writer


async def first_bytes(client: Client) -> bytes:
    """What the server says; the connection is closed afterwards."""
    reader, writer = client
    try:
        return await asyncio.wait_for(reader.read(64), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_5000_damaged_callbacks_give_no_5xx_and_change_nothing_that_was_not_said(tmp_path: Path) -> None:
    chance = random.Random(20_260_101)
    async with inside(tmp_path) as place, httpx.AsyncClient(transport=place.platform.transport) as client:
        place.channel.limiter.count = 10_000
        genuine = [place.platform.xml(OPENID, "text", Content="帮助"), place.platform.xml(OPENID, "event", Event="VIEW", EventKey="k")]
        statuses: dict[int, int] = {}
        await place.platform.say(OPENID, "你好")
        for _ in range(5000):
            query, body = damaged(place, chance, chance.choice(genuine))
            response = await client.post("http://here/wechat", params=query, content=body)
            statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
            if response.status_code != 200:
                assert response.content == b""
        assert set(statuses) <= {200, 400, 403}
        assert statuses[403] > 1000
        assert statuses[400] > 500
        texts = [stored.text for stored in place.desk.store.conversation(PERSON)]
        assert texts[0] == "你好"
        assert len(texts) < 5000


def damaged(place: Account, chance: random.Random, xml: str) -> tuple[list[tuple[str, str]], bytes]:
    """A callback damaged inside the cipher (by somebody with the keys), outside it, or in its query."""
    where = chance.randrange(3)
    if where == 0:
        xml = mutated(chance, xml)
    query, body = place.platform.sealed(xml)
    content = body.encode()
    if where == 1:
        at = chance.randrange(len(content))
        content = content[:at] + bytes(chance.randrange(256) for _ in range(chance.randrange(4))) + content[at + chance.randrange(1, 40) :]
    pairs = list(query.items())
    if where == 2:
        at = chance.randrange(len(pairs))
        name, value = pairs[at]
        pairs[at : at + 1] = chance.choice([[], [(name, mutated(chance, value))], [(name, value), (name, value)], [(name + "x", value)]])
    return pairs, content


def mutated(chance: random.Random, value: str) -> str:
    at = chance.randrange(len(value)) if value else 0
    put = chance.choice(["", "<", "]]>", "<![CDATA[", "&#0;", "&x;", "\x00", "￿", "<a>", "</xml>", "9" * 30, *string.ascii_letters[:6]])
    return value[:at] + put + value[at + chance.randrange(1, 30) :]


async def test_the_memory_that_refusals_take_is_flat(tmp_path: Path) -> None:
    async with inside(tmp_path) as place, httpx.AsyncClient(transport=place.platform.transport) as client:
        query, body = text(place)
        bad = {**query, "msg_signature": "0" * 40}

        async def flood(count: int) -> None:
            for _ in range(count):
                await client.post("http://here/wechat", params=bad, content=body + " " * 60_000)

        await flood(50)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await flood(200)
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert after - before < 500_000


async def test_the_address_check_answers_only_what_is_signed(tmp_path: Path) -> None:
    async with inside(tmp_path) as place, httpx.AsyncClient(transport=place.platform.transport) as client:
        at = str(int(place.clock()))
        query = {"signature": Keys().signature(at, "7"), "timestamp": at, "nonce": "7", "echostr": "<b>8123</b>"}
        answered = await client.get("http://here/wechat", params=query)
        assert (answered.text, answered.headers["content-type"]) == ("<b>8123</b>", "text/plain; charset=utf-8")
        refused = await client.get("http://here/wechat", params={**query, "nonce": "8"})
        assert (refused.status_code, refused.content) == REFUSED
