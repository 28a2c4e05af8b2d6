"""The service beside the product: what it counts as a call."""

import socket

from tests.faults.sink import Sink

LINES = [
    "POST /call HTTP/1.1",
    "host: sink",
    "idempotency-key: run/first/0",
    "content-length: 7",
]
HEAD = ("\r\n".join(LINES) + "\r\n\r\n").encode()


def test_a_call_that_was_cut_off_in_its_body_is_none():
    with Sink() as sink:
        host, _, port = sink.address.partition(":")
        for body in (b"", b'{"n"', b'{"n":1}'):
            with socket.create_connection((host, int(port)), timeout=10) as line:
                line.sendall(HEAD + body)
                line.shutdown(socket.SHUT_WR)
                answer = line.recv(100)  # until it has read all that came

            assert (answer != b"") == (len(body) == 7)

        assert [one.body for one in sink.arrivals("run")["run/first/0"]] == [b'{"n":1}']
