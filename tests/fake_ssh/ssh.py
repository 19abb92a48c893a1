#!/usr/bin/env python3
"""Stands in for ssh: a control master whose sessions are a `sh` of this machine, in the directory HOST_ROOT, or in the one
below it that is named as the host.

It speaks as much of the multiplexing protocol (OpenSSH, PROTOCOL.mux) as mrsk needs.
"""
import os
import socket
import struct
import subprocess
import sys
import threading

HELLO, NEW_SESSION, ALIVE_CHECK, STOP_LISTENING = 0x00000001, 0x10000002, 0x10000004, 0x10000009
OK, EXIT_MESSAGE, ALIVE, SESSION_OPENED = 0x80000001, 0x80000004, 0x80000005, 0x80000006


def receive(stream, length):
    data = b""
    while len(data) < length:
        part = stream.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def send(stream, *words):
    stream.sendall(struct.pack(f">{len(words) + 1}I", 4 * len(words), *words))


def root_of_host():
    root = os.environ["HOST_ROOT"]
    for argument in sys.argv[1:]:
        name = argument.rsplit("@")[-1]
        if name[:1].isdigit() and os.path.isdir(f"{root}/{name}"):
            return f"{root}/{name}"
    return root


def start(streams):
    root = root_of_host()
    variables = {
        "HOME": f"{root}/home",
        "PATH": f"{root}/bin:/usr/local/bin:/usr/bin:/bin",
        "ROOT": root,
        "RUNNER_TMP": os.environ["TMPDIR"],
    }
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        ["sh"], stdin=stdin, stdout=stdout, stderr=stderr, cwd=variables["HOME"], env=variables, start_new_session=True
    )


def serve(stream):
    try:
        while True:
            (length,) = struct.unpack(">I", receive(stream, 4))
            kind, *words = struct.unpack(">2I", receive(stream, length)[:8])
            if kind == HELLO:
                send(stream, HELLO, 4)
            elif kind == ALIVE_CHECK:
                send(stream, ALIVE, words[0], os.getpid())
            elif kind == STOP_LISTENING:
                send(stream, OK, words[0])
            elif kind == NEW_SESSION:
                streams = [socket.recv_fds(stream, 1, 1)[1][0] for _ in range(3)]
                child = start(streams)
                for descriptor in streams:
                    os.close(descriptor)
                send(stream, SESSION_OPENED, words[0], 1)
                send(stream, EXIT_MESSAGE, 1, child.wait() & 0xFF)
                return
    except (EOFError, OSError):
        pass
    finally:
        stream.close()


def main():
    arguments = sys.argv[1:]
    if "-G" in arguments:
        print("userknownhostsfile /dev/null\nglobalknownhostsfile /dev/null")
        return
    if os.path.exists(f"{root_of_host()}/dead"):
        print("ssh: connect to host port 22: No route to host", file=sys.stderr)
        sys.exit(255)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(arguments[arguments.index("-S") + 1])
    listener.listen(64)
    if os.fork():
        os._exit(0)
    os.setsid()
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


main()
