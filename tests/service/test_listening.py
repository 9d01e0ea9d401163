"""The socket that the server listens on."""

import asyncio
import socket

from service.serve import _listen
from service.settings import Settings


def test_small_replies_are_sent_at_once(tmp_path) -> None:
    held: list[int] = []

    async def connect() -> None:
        listener = _listen(Settings(tmp_path, port=0))

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken = writer.get_extra_info("socket")
            held.append(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(answer, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            await reader.read()
            writer.close()

    asyncio.run(connect())
    assert held == [1]
