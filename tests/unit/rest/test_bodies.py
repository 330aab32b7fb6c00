"""Foreign bytes as request bodies: text for the herder or a ConnectError, nothing else."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from connectrt.errors import ConnectError
from connectrt.rest.bodies import read_config, read_create

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
FIELDS = st.sampled_from(["name", "config", "initial_state", "extra"])


def request(body: bytes) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


@given(st.binary() | st.dictionaries(FIELDS, JSON).map(lambda value: json.dumps(value).encode()))
def test_a_create_request_is_texts_or_refused(body: bytes) -> None:
    try:
        new = asyncio.run(read_create(request(body)))
    except ConnectError:
        return
    assert new.config["name"] == new.name == new.name.strip()
    assert all(isinstance(text, str | None) for text in new.config.values())


@given(st.binary() | st.dictionaries(st.text(), JSON).map(lambda value: json.dumps(value).encode()))
def test_a_config_is_texts_or_refused(body: bytes) -> None:
    try:
        config = asyncio.run(read_config(request(body), "a"))
    except ConnectError:
        return
    assert config["name"] == "a"
    assert all(isinstance(text, str | None) for text in config.values())


@given(st.dictionaries(st.text(), st.text() | st.integers()))
def test_a_config_of_texts_and_numbers_comes_through_as_it_was_written(config: dict[str, str | int]) -> None:
    config = {key: value for key, value in config.items() if key != "name"}
    read = asyncio.run(read_config(request(json.dumps(config).encode()), "a"))
    assert read == {**{key: str(value) for key, value in config.items()}, "name": "a"}
