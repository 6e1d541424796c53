"""Senders that people have, where this machine can get them: OpenTelemetry's SDK for JavaScript, winston with its transport for Loki,
syslog-ng. Every number once, with what came along. What can't be had is skipped, with the reason."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

from check import equal, main, test
from peers import Run, peer
from stream import ids, line, place


def had(name, *tools):
    """Where the peer is; None where it can't be had, which is said."""
    missing = [t for t in tools if not shutil.which(t)]
    try:
        if not missing:
            return peer(name)
        why = f"there is no {missing[0]}"
    except subprocess.CalledProcessError:
        why = "it could not be fetched"
    print(f"  skipped, {name}: {why}", file=sys.stderr)
    return None


JS, SYSLOG_NG = had("js", "node", "npm"), had("syslog-ng", "apt-get", "dpkg-deb")


def javascript(kind, url, begin, end):
    subprocess.run(["node", "send.mjs", kind, url, str(begin), str(end)], cwd=JS, check=True, timeout=120)


def receiver(p, sections):
    return Run(p, f"{sections}[sink out]\ntype = file\npath = {p.out}\nbatch-wait = 20\n")


def by_id(p):
    return {ids(o["log_message"].encode() + b" ")[0]: o for o in p.whole()}


def javascript_sdk_sends_every_record_once():
    with place() as p:
        run = receiver(p, "[source sdk]\ntype = otlp\n")
        javascript("otlp-proto", run.url("/v1/logs"), 0, 3000)
        javascript("otlp-json", run.url("/v1/logs"), 3000, 6000)
        p.wait_ids(range(6000))
        equal(p.twice(), 0)
        for o in (by_id(p)[0], by_id(p)[3000]):
            equal((o["log_source"], o["log_host"], o["log_severity"]), ("shop", "h1", "err"))
            equal(json.loads(o["log_attributes"]["deep"]), {"a": [1, "x"]})
        p.stop(run.process)


def winston_pushes_to_us_as_to_loki():
    with place() as p:
        run = receiver(p, "[source lines]\ntype = loki\n")
        javascript("loki-snappy", run.url(), 0, 2000)
        javascript("loki-json", run.url(), 2000, 4000)
        p.wait_ids(range(4000))
        equal(p.twice(), 0)
        for o in (by_id(p)[0], by_id(p)[2000]):
            equal((o["log_source"], o["log_attributes"]["app"]), ("web", "web"))
        p.stop(run.process)


def syslog_ng(p, text):
    conf = os.path.join(p.root, "syslog-ng.conf")
    with open(conf, "w") as f:
        f.write("@version: 3.38\noptions { flush-lines(100); time-reopen(1); stats-freq(0); };\n" + text)
    libraries = [os.path.join(SYSLOG_NG, x) for x in ("usr/lib/syslog-ng", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")]
    q = subprocess.Popen(
        [os.path.join(SYSLOG_NG, "usr/sbin/syslog-ng"), "-F", "--no-caps", "-f", conf, f"--module-path={libraries[0]}/3.38", f"--persist-file={p.root}/persist",
         f"--pidfile={p.root}/pid", f"--control={p.root}/ctl"],
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}, stderr=open(os.path.join(p.root, "syslog-ng.err"), "wb"))
    p.processes.append(q)
    return q


def free_port():
    with socket.socket() as x:
        x.bind(("127.0.0.1", 0))
        return x.getsockname()[1]


def syslog_ng_sends_in_both_forms():
    """syslog(): RFC 5424 with octet counting; network(): RFC 3164, a line each."""
    with place() as p:
        port = free_port()
        run = receiver(p, f"[source net]\ntype = syslog\nlisten = tcp://127.0.0.1:{port}\n")
        p.write("".join(line(i) for i in range(3000)), "new.log")
        p.write("".join(line(i) for i in range(3000, 6000)), "old.log")
        q = syslog_ng(p, f'''
source s_new {{ file("{p.log("new.log")}" flags(no-parse) program-override("shop") follow-freq(0.1)); }};
source s_old {{ file("{p.log("old.log")}" flags(no-parse) program-override("shop") follow-freq(0.1)); }};
destination d_new {{ syslog("127.0.0.1" port({port})); }};
destination d_old {{ network("127.0.0.1" port({port}) persist-name("old")); }};
log {{ source(s_new); destination(d_new); }};
log {{ source(s_old); destination(d_old); }};
''')
        p.wait_ids(range(6000))
        equal(p.twice(), 0)
        equal([by_id(p)[i]["log_source"] for i in (0, 3000)], ["shop", "shop"])
        value = run.value
        equal((value('logclass_syslog_messages_total{form="rfc5424"}'), value('logclass_syslog_messages_total{form="rfc3164"}')), (3000.0, 3000.0))
        p.stop(q, signal.SIGTERM)
        p.stop(run.process)


def answers_go_to_syslog_ng_as_structured_data():
    with place() as p:
        port, got = free_port(), os.path.join(p.root, "got")
        q = syslog_ng(p, f'''
source s {{ syslog(ip("127.0.0.1") port({port}) transport("tcp")); }};
destination d {{ file("{got}" template("${{.SDATA.logclass@32473.label}} ${{PROGRAM}} ${{MESSAGE}}\\n")); }};
log {{ source(s); destination(d); }};
''')
        p.write("User bob logged in.\n" + "".join(line(i) for i in range(2000)))
        run = p.start("--name", "t", "--start", "beginning", "--source", "shop", "--to", f"syslog=tcp://127.0.0.1:{port}", p.log())
        p.out = got
        p.wait_ids(range(2000))
        equal(p.text().decode().splitlines()[0], "USER_ACTION shop User bob logged in.")
        equal(p.twice(), 0)
        p.stop(run)
        p.stop(q, signal.SIGTERM)


if JS:
    test(javascript_sdk_sends_every_record_once)
    test(winston_pushes_to_us_as_to_loki)
if SYSLOG_NG:
    test(syslog_ng_sends_in_both_forms)
    test(answers_go_to_syslog_ng_as_structured_data)
main()
