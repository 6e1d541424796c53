"""logclass beside the real rsyslog: as a step inside it (mmexternal), and as its receiver."""
import collections
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request

from check import BINARY, equal, main, test
from stream import ids, line, place, wait_until

assert shutil.which("/usr/sbin/rsyslogd"), "rsyslog is missing: scripts/install-debian --dev"


def rsyslog(p, text):
    conf = os.path.join(p.root, "rsyslog.conf")
    with open(conf, "w") as f:
        f.write(f'global(workDirectory="{p.root}")\n' + text)
    q = subprocess.Popen(["/usr/sbin/rsyslogd", "-n", "-f", conf, "-i", os.path.join(p.root, "pid")],
                         stderr=open(os.path.join(p.root, "rsyslog.err"), "wb"))
    p.processes.append(q)
    return q


@test
def a_step_inside_rsyslog():
    with place() as p:
        script = os.path.join(p.root, "step")
        with open(script, "w") as f:
            f.write(f"#!/bin/sh\nexec {BINARY} classify --bert off --llm-url off --no-summary --format jsonl --output mmexternal\n")
        os.chmod(script, 0o755)
        p.write("User bob logged in.\nnothing to see\n" + "".join(line(i) for i in range(500)))
        q = rsyslog(p, f'''
module(load="imfile")
module(load="mmexternal")
template(name="t" type="string" string="%$!logclass!label% %$!logclass!confidence% %$!logclass!stage% %msg%\\n")
input(type="imfile" File="{p.log()}" Tag="app" ruleset="r" freshStartTail="off")
ruleset(name="r") {{
    action(type="mmexternal" binary="{script}" interface.input="fulljson")
    action(type="omfile" file="{p.out}" template="t")
}}
''')
        p.wait_ids(range(500))
        out = p.text().decode().splitlines()
        equal(out[:2], ["USER_ACTION 0.95 regex User bob logged in.", "UNCLASSIFIED 0 fallback nothing to see"])
        equal((len(out), p.twice()), (502, 0))
        p.stop(q)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as x:
        x.bind(("127.0.0.1", 0))
        return x.getsockname()[1]


def receiver(p, listen, *more, command="follow"):
    run = p.start("--from", f"syslog={listen}", "--to", f"file={p.out}", *more, command=command)
    wait_until(lambda: p.said().count("syslog.listen") >= listen.count("://"))
    return run


@test
def rsyslog_forwards_over_tcp_in_both_framings():
    with place() as p:
        port = free_port()
        run = receiver(p, f"tcp://127.0.0.1:{port}")
        p.write("".join(line(i) for i in range(3000)))
        q = rsyslog(p, f'''
module(load="imfile")
input(type="imfile" File="{p.log()}" Tag="app:" Severity="warning" Facility="local3" ruleset="r" freshStartTail="off")
ruleset(name="r") {{
    action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
    action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="RSYSLOG_ForwardFormat")
}}
''')
        wait_until(lambda: len(p.ids()) >= 6000)
        p.stop(q)
        p.stop(run)
        seen = collections.Counter(p.ids())
        equal((set(seen), set(seen.values())), (set(range(3000)), {2}))
        for o in p.whole():
            equal((o["log_source"], o["log_severity"], o["log_attributes"]["syslog.facility"]), ("app", "warning", "local3"))
            assert o["log_host"] and o["log_time"].startswith("20"), o
            equal(o["log_message"].strip() + "\n", line(ids(o["log_message"].encode())[0]))


@test
def answers_go_to_rsyslog_as_structured_data():
    with place() as p:
        port, labelled = free_port(), os.path.join(p.root, "labelled")

        def start():
            return rsyslog(p, f'''
module(load="imtcp")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="r")
template(name="t" type="string" string="%structured-data% %app-name% %syslogseverity-text% %msg%\\n")
ruleset(name="r") {{ action(type="omfile" file="{labelled}" template="t") }}
''')
        p.out = labelled
        p.write("User bob logged in. id=0 \n" + "".join(line(i) for i in range(1, 2000)))
        run = p.start("--name", "t", "--start", "beginning", "--source", "worker", "--to", f"syslog=tcp://127.0.0.1:{port}", p.log())
        wait_until(lambda: "sink.down" in p.said())  # nobody listens yet
        q = start()
        p.wait_ids(range(2000))
        wait_until(lambda: "sink.up" in p.said())
        p.stop(q)
        p.write("".join(line(i) for i in range(2000, 4000)))
        q = start()
        p.wait_ids(range(4000))
        p.stop(run)
        p.stop(q)
        first = p.text().decode().splitlines()[0]
        equal(first, '[logclass@32473 label="USER_ACTION" confidence="0.95" stage="regex"] worker notice User bob logged in. id=0 ')
        assert p.twice() <= 4000, p.twice()


@test
def every_kind_of_socket_and_of_message():
    with place() as p:
        tcp, udp, stream, gram = free_port(), free_port(socket.SOCK_DGRAM), f"{p.root}/s", f"{p.root}/g"
        run = receiver(p, f"udp://127.0.0.1:{udp}, tcp://127.0.0.1:{tcp}, unix://{stream}, unixgram://{gram}")
        with socket.create_connection(("127.0.0.1", tcp)) as c:
            c.sendall(b"<34>1 2026-01-02T03:04:05.006Z web1 su 812 ID47 [x@1 a=\"b\"] id=1 framed\n")
            message = b"<38>Feb  5 17:32:18 db7 sshd[411]: id=2 counted\nand a second line"
            c.sendall(b"%d %s" % (len(message), message) + b"id=3 nothing at all\n12 errors id=4 \n<13>id=5 without its end")
        for kind, path, text in ((socket.SOCK_STREAM, stream, b"<7>a: id=6 x\n"), (socket.SOCK_DGRAM, gram, b"<7>a: id=7 x")):
            with socket.socket(socket.AF_UNIX, kind) as c:
                c.connect(path)
                c.sendall(text)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
            c.sendto(b"<0>x: id=8 y", ("127.0.0.1", udp))
        p.wait_ids(range(1, 9))
        subprocess.run(["logger", "-n", "127.0.0.1", "-P", str(udp), "-d", "--rfc5424", "-t", "me", "id=9 by logger"], check=True)
        subprocess.run(["logger", "-n", "127.0.0.1", "-P", str(tcp), "-T", "--octet-count", "-t", "me", "id=10 by logger"], check=True)
        subprocess.run(["logger", "-u", gram, "-t", "me", "id=11 by logger"], check=True)
        p.wait_ids(range(1, 12))
        p.stop(run)
        out = {ids(o["log_message"].encode())[0]: o for o in p.whole()}
        one = out[1]
        equal((one["log_host"], one["log_source"], one["log_time"], one["log_severity"]), ("web1", "su", "2026-01-02T03:04:05.006Z", "crit"))
        equal(one["log_attributes"], {"process.pid": "812", "syslog.facility": "auth", "syslog.msgid": "ID47",
                                      "syslog.structured_data": '[x@1 a="b"]', "client.address": "127.0.0.1"})
        equal((out[2]["log_host"], out[2]["log_message"]), ("db7", "id=2 counted\nand a second line"))
        equal((out[4]["log_message"], out[5]["log_message"]), ("12 errors id=4 ", "id=5 without its end"))
        equal([out[i]["log_source"] for i in (9, 10, 11)], ["me"] * 3)
        equal(os.path.exists(stream) or os.path.exists(gram), False)


@test
def datagrams_are_received_or_counted():
    with place() as p:
        conf, port, sent = os.path.join(p.root, "c"), free_port(socket.SOCK_DGRAM), 60000
        with open(conf, "w") as f:
            f.write(f"bert = off\n[source net]\ntype = syslog\nlisten = udp://127.0.0.1:{port}\nreceive-buffer = 8192\n"
                    f"[sink out]\ntype = file\npath = {p.out}\n")
        run = p.start("--config", conf, "--port", "0", command="run")
        wait_until(lambda: "listening on" in p.said())
        http = re.search(r"server.start.*listening on \S+ port (\d+)", p.said()).group(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
            c.connect(("127.0.0.1", port))
            for i in range(sent):
                c.send(f"<13>a: id={i} x".encode())

        def value(name):
            text = urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics").read().decode()
            m = re.search(r"^" + re.escape(name) + r" (\S+)$", text, flags=re.M)
            return int(float(m.group(1))) if m else 0
        dropped = 'logclass_source_dropped_total{source="net",reason="kernel"}'
        wait_until(lambda: value('logclass_source_records_total{source="net"}') + value(dropped) == sent)
        assert value(dropped) > 0
        got = value('logclass_source_records_total{source="net"}')
        wait_until(lambda: len(p.ids()) == got)
        p.stop(run)
        equal(p.twice(), 0)


@test
def what_has_come_is_read_at_the_end():
    with place() as p:
        port = free_port()
        run = receiver(p, f"tcp://127.0.0.1:{port}")
        with socket.create_connection(("127.0.0.1", port)) as c:
            c.sendall("".join(f"<13>a: {line(i)}" for i in range(20000)).encode())
            p.stop(run)
        p.wait_ids(range(20000))
        equal(p.twice(), 0)


@test
def many_connections_and_a_sink_that_waits():
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    with place() as p:
        port = free_port()
        run = p.start("--from", f"syslog=tcp://127.0.0.1:{port}", "--to", f"file={p.out}", preexec_fn=limit)
        wait_until(lambda: "syslog.listen" in p.said())

        def client(k):
            with socket.create_connection(("127.0.0.1", port)) as c:
                for i in range(k * 2000, k * 2000 + 2000, 100):
                    c.sendall("".join(f"<13>a: {line(n)}" for n in range(i, i + 100)).encode())
        threads = [threading.Thread(target=client, args=(k,)) for k in range(60)]
        for t in threads:
            t.start()
        wait_until(lambda: "sink.down" in p.said())
        with open(f"/proc/{run.pid}/status") as f:
            peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
        assert peak < 400_000, peak  # kB
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        p.wait_ids(range(120000))
        for t in threads:
            t.join()
        p.stop(run)
        equal(p.twice(), 0)


main()
