"""Runs a command between its caller's streams and keeps every byte that passes, in both directions."""

import os
import subprocess
import sys
import threading


def pump(source, target, record):
    """From one end to the other until the end of the stream."""
    while True:
        piece = os.read(source, 65536)
        if not piece:
            break
        record.write(piece)
        record.flush()
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(target, view) :]
        except BrokenPipeError:
            break
    os.close(target)


def main():
    to_server, from_server, errors, *command = sys.argv[1:]
    with open(to_server, "ab") as asked, open(from_server, "ab") as said, open(errors, "ab") as noted:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=noted)
        # Whoever calls may be gone before the child has ended: nobody waits for this side.
        threading.Thread(
            target=pump, args=(0, os.dup(child.stdin.fileno()), asked), daemon=True
        ).start()
        child.stdin.close()
        pump(child.stdout.fileno(), os.dup(1), said)
        return child.wait()


if __name__ == "__main__":
    sys.exit(main())
