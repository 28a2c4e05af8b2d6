import socket
import time
from ipaddress import ip_address

import pytest

from tests.agents.http_server import ToolServer
from workflows_app.agents.core.addresses import address_is_public, allow_list
from workflows_app.agents.egress import EgressFailed, EgressRefused, guarded_request
from workflows_app.agents.network import Patience


@pytest.fixture
def server():
    with ToolServer() as running:
        yield running


@pytest.fixture
def allowed(server, settings):
    settings.EGRESS_ALLOW = [f"127.0.0.1:{server.port}"]
    return server


def fetch(url, *, method="GET", seconds=5.0, **options):
    patience = Patience(deadline=time.monotonic() + seconds)
    fields = {"headers": {}, "body": None, **options}
    return guarded_request(method, url, patience=patience, **fields)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "239.1.1.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
        "240.0.0.1",
        "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "::7f00:1",
        "2001:db8::1",
    ],
)  # fmt: skip
def test_only_public_addresses_are_public(address):
    assert not address_is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_pass(address):
    assert address_is_public(ip_address(address))


def test_the_allow_list_names_hosts_with_ports():
    assert allow_list(["Tools.Internal:8443", "[::1]:80", "no-port", ""]) == {
        ("tools.internal", 8443), ("::1", 80)
    }  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
        "http://0.0.0.0:{port}/", "http://2130706433:{port}/", "http://127.1:{port}/",
    ],
)  # fmt: skip
def test_a_private_address_is_refused_however_it_is_written(server, url):
    with pytest.raises((EgressRefused, EgressFailed)):
        fetch(url.format(port=server.port))
    assert server.seen == []


def test_a_listed_private_address_is_reached(allowed):
    assert fetch(f"{allowed.url}/x").body == b'{"ok": true}'


def test_another_port_of_a_listed_host_is_refused(allowed, settings):
    settings.EGRESS_ALLOW = [f"127.0.0.1:{allowed.port + 1}"]

    with pytest.raises(EgressRefused, match="EGRESS_ALLOW"):
        fetch(allowed.url)
    assert allowed.seen == []


def test_the_product_itself_is_refused_even_if_listed(allowed, settings):
    settings.PORT = allowed.port

    with pytest.raises(EgressRefused, match="this product itself"):
        fetch(allowed.url)
    assert allowed.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
        "//x",
        "http://user:pass@example.com/",
        "http://example.com:x/",
    ],
)
def test_only_plain_http_urls_are_taken(url):
    with pytest.raises(EgressRefused):
        fetch(url)


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    rows = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("8.8.8.8", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: rows)

    with pytest.raises(EgressRefused, match=r"10\.0\.0\.1"):
        fetch("http://example.com/")


def test_a_name_is_resolved_once_and_that_address_is_used(allowed, monkeypatch, settings):
    settings.EGRESS_ALLOW = [f"tools.example:{allowed.port}"]
    asked = []

    def lookup(host, *args, **options):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", allowed.port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)

    fetch(f"http://tools.example:{allowed.port}/x")

    assert asked.count("tools.example") == 1
    assert allowed.seen[0].headers["host"] == f"tools.example:{allowed.port}"


def test_redirects_are_checked_like_the_first_request(allowed):
    allowed.answer(status=302, headers={"location": "http://169.254.169.254/latest"})

    with pytest.raises(EgressRefused, match=r"169\.254\.169\.254"):
        fetch(allowed.url)


def test_credentials_stay_with_their_host(allowed, settings):
    with ToolServer() as other:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{one.port}" for one in (allowed, other)]
        allowed.answer(status=307, headers={"location": f"{other.url}/next"})

        fetch(
            allowed.url,
            headers={"authorization": "Bearer x", "x-key": "y", "x-plain": "z"},
            credentials=["X-Key"],
        )

        assert allowed.seen[0].headers["x-key"] == "y"
        assert not {"authorization", "x-key"} & set(other.seen[0].headers)
        assert other.seen[0].headers["x-plain"] == "z"


def test_a_redirected_post_is_not_repeated(allowed):
    allowed.answer(status=307, headers={"location": "/again"})

    assert fetch(allowed.url, method="POST", body=b"{}").status == 307
    assert len(allowed.seen) == 1


def test_endless_redirects_end(allowed):
    for _ in range(5):
        allowed.answer(status=302, headers={"location": "/again"})

    with pytest.raises(EgressFailed, match="kept redirecting"):
        fetch(allowed.url)


def test_an_answer_that_is_too_large_is_dropped(allowed):
    allowed.answer(body=b" " * 2_000)

    with pytest.raises(EgressFailed, match="larger than 1,000 bytes") as caught:
        fetch(allowed.url, max_bytes=1_000)
    assert caught.value.was_sent


def test_a_compressed_answer_is_dropped(allowed):
    allowed.answer(body=b"x", headers={"content-encoding": "gzip"})

    with pytest.raises(EgressFailed, match="compressed"):
        fetch(allowed.url)


def test_a_slow_answer_ends_at_the_deadline(allowed):
    allowed.answer(delay=5)
    started = time.monotonic()

    with pytest.raises(EgressFailed) as caught:
        fetch(allowed.url, seconds=0.3)

    assert (caught.value.code, caught.value.was_sent) == ("timeout", True)
    assert time.monotonic() - started < 1.5


def test_a_refused_connection_was_never_sent(settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]

    with pytest.raises(EgressFailed) as caught:
        fetch(f"http://127.0.0.1:{port}/")
    assert (caught.value.code, caught.value.was_sent) == ("connection", False)


def test_a_lost_connection_may_have_been_sent(allowed):
    allowed.answer(is_cut=True)

    with pytest.raises(EgressFailed) as caught:
        fetch(allowed.url, method="POST", body=b"{}")
    assert (caught.value.code, caught.value.was_sent) == ("connection", True)
