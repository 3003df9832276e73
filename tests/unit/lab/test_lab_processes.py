"""Ports of the lab's programs: found free, and seen taken without being touched."""

import socket

import pytest

from lab.processes import free_port, listens

HERE = "127.0.0.3"


def test_a_port_is_seen_to_be_taken_while_it_is() -> None:
    port = free_port(HERE)

    assert not listens(HERE, port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HERE, port))
        assert listens(HERE, port)
        assert not listens("127.0.0.2", port)
    assert not listens(HERE, port)


def test_who_waits_for_a_program_to_listen_does_not_take_its_port_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port(HERE)

    def no_socket(*_: object) -> None:
        raise AssertionError("a socket of one's own may be in the way of the program's")

    monkeypatch.setattr(socket, "socket", no_socket)

    assert not listens(HERE, port)


def test_ports_are_given_once_and_are_not_those_the_kernel_gives() -> None:
    ports = [free_port(HERE) for _ in range(100)] + [free_port(HERE, socket.SOCK_STREAM) for _ in range(100)]

    assert len(set(ports)) == len(ports)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anybody:
        anybody.bind((HERE, 0))
        assert anybody.getsockname()[1] > max(ports)
