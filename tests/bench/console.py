"""console.py PROGRAM: the console on a pseudo-terminal of 80 x 24, in the Audit pane; see console.sh.
A frame has ended when nothing came for QUIET seconds. Prints name, figure, unit and the bar."""
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import termios
import time

QUIET = 0.04
DOWN = b"\x1b[B"


class Console:
    def __init__(self, program, rows=24, cols=80):
        self.start = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", XDG_CONFIG_HOME="/nonexistent")
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            os.execv(program, [program])

    def read(self, wait):
        """Bytes, or b"" when none came in `wait` seconds."""
        ready, _, _ = select.select([self.fd], [], [], max(0, wait))
        return os.read(self.fd, 65536) if ready else b""

    def settle(self, quiet=QUIET, most=10.0):
        """What came until silence: bytes, time of the last byte, number of bursts."""
        data, last, bursts, end = b"", None, 0, time.monotonic() + most
        while time.monotonic() < end:
            piece = self.read(quiet)
            if not piece:
                break
            now = time.monotonic()
            bursts += last is None or now - last > 0.004
            data, last = data + piece, now
        return data, last, bursts

    def send(self, data):
        os.write(self.fd, data)
        return time.monotonic()

    def close(self):
        self.send(b"q")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                if not self.read(0.1):
                    if os.waitpid(self.pid, os.WNOHANG)[0]:
                        return
            except OSError:
                break
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def cpu_ms(self):
        """Run time of all threads so far."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e6


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))]


def show(name, figure, unit, bar=""):
    print(f"{name} {figure} {unit}" + (f" (bar {bar})" if bar else ""), flush=True)


def first_frame(program):
    took = []
    for _ in range(11):
        c = Console(program)
        data, last, _ = b"", None, 0
        while b"ENDPOINT" not in data and time.monotonic() - c.start < 5:
            data += c.read(0.5)
        last = time.monotonic()
        took.append(1000 * (last - c.start))
        c.settle(0.1)
        c.close()
    show("first_frame_with_data_median", f"{statistics.median(took):.0f}", "ms", "<= 150")
    show("first_frame_with_data_worst", f"{max(took):.0f}", "ms")


def keys(c, n=400):
    took, size, lost = [], [], 0
    for i in range(n):
        key = DOWN if i % 40 else b"\x1b[6~" if i % 80 else b"\x1b[5~"
        sent = c.send(key)
        data, last, _ = c.settle()
        if last is None:
            lost += 1
            continue
        took.append(1000 * (last - sent))
        if key == DOWN:
            size.append(len(data))
    show("key_median", f"{statistics.median(took):.2f}", "ms to the last byte", "<= 1")
    show("key_p99", f"{percentile(took, 0.99):.2f}", "ms", "<= 16")
    show("down_bytes_median", f"{statistics.median(size):.0f}", "bytes", "<= 220")
    show("down_bytes_p99", f"{percentile(size, 0.99)}", "bytes")
    show("keys_without_an_answer", lost, "")


def selected(c):
    """The event under the cursor, by opening it."""
    c.send(b"\r")
    data = c.settle(0.3)[0]
    c.send(b"\x1b")
    c.settle(0.3)
    seen = re.findall(rb"event (\d+)", re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b" ", data))
    return int(seen[-1]) if seen else None


def burst(c):
    c.send(b"g")
    c.settle(0.5)
    before = selected(c)
    c.send(DOWN * 100)
    data, _, bursts = c.settle()
    after = selected(c)
    moved = before - after if before is not None and after is not None else "unknown"
    show("burst_100_rows_moved", moved, "rows", "100")
    show("burst_100_frames", bursts, "bursts of output", "<= 3")
    show("burst_100_bytes", len(data), "bytes")


def idle(c, seconds=10):
    # Into the slow rhythm that it takes when no data come, and past what ages by the minute.
    c.settle(15, 75)
    cpu, count, end = c.cpu_ms(), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        count += len(c.read(end - time.monotonic()))
    show("idle_bytes", f"{count / seconds:.1f}", "B/s", "0")
    show("idle_cpu", f"{(c.cpu_ms() - cpu) / seconds / 10:.2f}", "%", "0.0")


def slow(c, rate=4000, held=3.0, per_s=30):
    """A line of `rate` bytes/s while Down is held: how long after the release the screen is right."""
    c.send(b"g")
    c.settle(0.5)
    begin = time.monotonic()
    sent, taken, last = 0, 0, begin
    while True:
        now = time.monotonic()
        if now - begin < held and sent < (now - begin) * per_s:
            c.send(DOWN)
            sent += 1
        allowed = int((now - begin) * rate) - taken
        ready, _, _ = select.select([c.fd], [], [], 0)
        if ready and allowed > 0:
            taken += len(os.read(c.fd, allowed))
            last = time.monotonic()
        elif not ready and now - begin > held and now - max(last, begin + held) > 0.5:
            break
        time.sleep(0.002)
    show("slow_line_bytes", taken, f"bytes for {sent} Downs")
    show("slow_line_lag", f"{max(0, last - begin - held):.2f}", "s after the release", "<= 1")


def main():
    program = sys.argv[1]
    first_frame(program)
    c = Console(program)
    c.settle(0.5)
    c.send(b"9")
    c.settle(0.5)
    keys(c)
    burst(c)
    slow(c)
    idle(c)
    c.close()


main()
