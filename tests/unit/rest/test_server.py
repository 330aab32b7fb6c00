from __future__ import annotations

import http.client
import socket
import threading

import pytest

from connectrt.errors import ConnectError
from connectrt.rest.server import RestServer
from connectrt.worker.config import parse_worker
from tests.unit.herder.scripted import herding


def server(listeners: str, **config: str) -> RestServer:
    return RestServer(parse_worker({"listeners": listeners} | {k.replace("_", "."): v for k, v in config.items()}))


def test_a_port_in_use_is_told_with_the_cure_before_anything_runs() -> None:
    first = server("http://127.0.0.1:0")
    try:
        with pytest.raises(ConnectError, match=r"another process does.*listeners="):
            server(first.urls[0])
    finally:
        first.stop()


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(ConnectError, match="an address of this machine"):
        server("http://192.0.2.1:8083")


def test_port_0_is_any_free_port_and_the_real_one_is_told() -> None:
    listening = server("http://127.0.0.1:0,http://127.0.0.1:0")
    try:
        ports = {int(url.rpartition(":")[2]) for url in listening.urls}
        assert len(ports) == 2
        assert 0 not in ports
        assert listening.worker_id == listening.urls[0].removeprefix("http://")
    finally:
        listening.stop()


def test_all_addresses_are_open_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    listening = server("http://:0")
    try:
        assert "open to every machine" in caplog.text
        assert listening.worker_id.startswith(f"{socket.gethostname()}:")
    finally:
        listening.stop()


def test_the_advertised_address_is_the_worker_id() -> None:
    listening = server("http://127.0.0.1:0", rest_advertised_host_name="connect.example", rest_advertised_port="443")
    try:
        assert listening.worker_id == "connect.example:443"
    finally:
        listening.stop()


def test_a_key_that_has_no_effect_is_not_passed_over_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    server("http://127.0.0.1:0", access_control_allow_origin="*").stop()
    [record] = caplog.records
    assert record.key == "access.control.allow.origin"  # type: ignore[attr-defined]


def test_a_request_that_comes_before_start_is_answered_after_it_and_stop_frees_the_port() -> None:
    listening = server("http://127.0.0.1:0")
    address = listening.urls[0].removeprefix("http://")
    early = http.client.HTTPConnection(address, timeout=5)
    early.request("GET", "/connectors")
    with herding() as herder:
        listening.start(herder)
        assert early.getresponse().read() == b"[]"
        early.request("HEAD", "/connectors")
        head = early.getresponse()
        assert (head.getheader("content-type"), head.read()) == ("application/json", b"")
        early.close()
        listening.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "rest"]
        server(f"http://{address}").stop()


def test_stop_right_after_start_ends_the_thread() -> None:
    listening = server("http://127.0.0.1:0")
    with herding() as herder:
        listening.start(herder)
        listening.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "rest"]
