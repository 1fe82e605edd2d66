# SPDX-License-Identifier: MIT
"""The service of README.md on asyncio, or with the argument "uvloop" on that: writers that nobody
closes."""

import asyncio
import collections
import json
import sys

kept = []
seen = collections.Counter()


async def tell(call, awaitable):
    try:
        await awaitable
        seen[f"{call}: done"] += 1
    except OSError as error:
        seen[f"{call}: {type(error).__name__}"] += 1


async def touch():
    while kept:
        reader, writer = kept.pop()
        writer.transport.resume_reading()
        writer.write(b"late\n")
        await tell("drain", writer.drain())
        writer.close()
        await tell("wait_closed", writer.wait_closed())


async def serve(reader, writer):
    is_kept = False
    try:
        async for line in reader:
            verb, _, rest = line.partition(b" ")
            if verb == b"echo":
                writer.write(rest)
            elif verb in (b"leak\n", b"stall\n"):
                is_kept = True
                kept.append((reader, writer))
                writer.write(b"kept\n")
                if verb == b"stall\n":
                    writer.transport.pause_reading()
            else:
                if verb == b"touch\n":
                    await touch()
                writer.write(json.dumps(seen).encode() + b"\n")
        if is_kept:
            seen["read: end of file"] += 1
            return
        writer.close()
    except OSError as error:
        if is_kept:
            seen[f"read: {type(error).__name__}"] += 1
        else:
            print("not on a kept socket:", repr(error), file=sys.stderr, flush=True)


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if "uvloop" in sys.argv:
    import uvloop

    uvloop.install()
asyncio.run(main())
